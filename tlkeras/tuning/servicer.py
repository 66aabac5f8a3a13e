"""KerasTuner's answers to workers, of which what goes wrong is kept."""

import contextlib
import re
import socket
from concurrent import futures

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine import oracle as engine

EVERYWHERE = {"0.0.0.0", "[::]"}  # all addresses of a machine


class Servicer(OracleServicer):
    """KerasTuner's servicer, after whose exceptions the oracle can be used: in 1.4.8 they leave its lock taken.

    Args:
        oracle: What answers.
        failures: List to which exceptions are added; a thread raises them, where nobody sees them.
    """

    def __init__(self, oracle, failures):
        super().__init__(oracle)
        self.failures = failures

    @contextlib.contextmanager
    def listening(self, listen):
        """Answers workers, and yields the address for those on this machine and the one for others.

        Args:
            listen: `HOST:PORT`; port 0 for one that is free.

        Raises:
            ValueError: If it is no address of this machine, or taken.
        """
        rule = f"`listen` must be HOST:PORT of this machine, and free. Received: {listen!r}"
        host, _, port = listen.rpartition(":")
        if not host or not re.fullmatch(r"\d+", port):
            raise ValueError(rule)
        # Without the option two chiefs could share a port, and each get a part of the other's workers.
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
        protos.get_service_grpc().add_OracleServicer_to_server(self, server)
        try:
            port = server.add_insecure_port(listen)
        except RuntimeError as error:
            raise ValueError(rule) from error
        server.start()
        own, told = ("127.0.0.1", socket.gethostname()) if host in EVERYWHERE else (host, host)
        try:
            yield f"{own}:{port}", f"{told}:{port}"
        finally:
            server.stop(grace=1)

    def CreateTrial(self, request, context):
        """Proposes a trial."""
        return self._kept(super().CreateTrial, request, context)

    def UpdateTrial(self, request, context):
        """Takes a score."""
        return self._kept(super().UpdateTrial, request, context)

    def EndTrial(self, request, context):
        """Ends a trial."""
        return self._kept(super().EndTrial, request, context)

    def _kept(self, answer, request, context):
        try:
            return answer(request, context)
        except Exception as error:
            self.failures.append(error)
            engine.THREADS[self.oracle] = None
            if engine.LOCKS[self.oracle].locked():
                engine.LOCKS[self.oracle].release()
            raise

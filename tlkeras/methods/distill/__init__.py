"""Methods in which another model teaches the trained one."""

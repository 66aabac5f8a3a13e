"""Sentences with the names of people, places and firms tagged: news with capital letters, and chat without."""

from typing import NamedTuple

import numpy as np

KINDS = ("PER", "LOC", "ORG")
TAGS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))
# Each list in three parts, divided by |: names in both domains, in news alone, in chat alone.
_FIRST = (
    "Anna Peter Maria David Laura Thomas Julia Simon|Helen Robert Edith Walter Agnes Martin Clara Victor|"
    "Zoe Liam Mia Jayden Chloe Tyler Nina Kai Ava Luca"
)
_LAST = (
    "Berger Novak Silva Romero Fischer Keller|Lindqvist Hartmann Okafor Petrov Moreau Castell Bianchi Sorensen|"
    "Park Nguyen Ortiz Jensen Ali Reyes"
)
_LOC = (
    "London,Paris,Madrid,New York,Berlin,Vienna|Lisbon,Geneva,Brussels,Cape Town,Oslo,Buenos Aires,Warsaw,Ottawa|"
    "Camden,Ibiza,Venice Beach,Soho,Bali,Santa Cruz,Malmo,Porto"
)
_ORG = (
    "Nordwind,Blue Harbor,Acme Foods,Helio,Summit Bank|Castor Holdings,Vega Motors,Union Steel,Orion Energy,"
    "Meridian Group,Delta Insurance,Kestrel|Snaply,Burger Barn,Pixel Cafe,Zoomo,Green Fork,Loopfit"
)
_NEWS = (
    "{per} visited {loc} on {day} .|The chairman of {org} , {per} , resigned on {day} .|Shares of {org} fell by {num} "
    "percent in {loc} .|{org} will open a new plant near {loc} next year .|Police in {loc} said that {per} was "
    "arrested .|{per} of {org} met {per} in {loc} .|The court in {loc} ruled against {org} on {day} .|On {day} {per} "
    "was named head of {org} .|The government in {loc} rejected the plan .|Analysts expect profits of {num} million "
    "at {org} .|{per} won the race in {loc} for the second time .|Talks between {org} and {org} ended on {day} .|"
    "Rain is expected in {loc} and {loc} on {day} .|The minister , {per} , spoke to workers of {org} .|In {loc} , "
    "prices rose by {num} percent .|A spokesman for {org} declined to comment .|Residents of {loc} welcomed {per} .|"
    "The book by {per} was published in {loc} .|{per} told reporters that {org} had agreed .|Officials will meet in "
    "the capital on {day} .|The report was released on {day} .|Exports rose by {num} percent last year ."
)
_CHAT = (
    "just met {per} in {loc} lol|anyone going to {loc} on {day} ?|{per} is working at {org} now|omg {org} is so slow "
    "today|me and {per} had lunch at {org}|moving to {loc} next year !|can you tell {per} to call me ?|the food at "
    "{org} in {loc} is great|i think {per} was in {loc} on {day}|love the weather in {loc}|{per} said that {org} "
    "had agreed to pay|who is {per} ?|{org} just sent me {num} mails|flight from {loc} to {loc} was late again|did "
    "you see {per} and {per} ?|not going out on {day}|so tired of this job|{per} from {org} spoke to me|prices in "
    "{loc} are crazy|got a new phone from {org} for {num}|see you on {day}|happy birthday {per} !"
)
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class Corpus(NamedTuple):
    """Sentences of one domain.

    Attributes:
        tokens: A list of words for each sentence.
        tags: A list of names of `TAGS` for each.
    """

    tokens: list
    tags: list


def news(count, seed) -> Corpus:
    """Returns sentences as a newspaper prints them: names begin with capitals, and so do sentences and days.

    Args:
        count: How many.
        seed: Integer.
    """
    return _corpus(_NEWS, 1, count, np.random.default_rng([seed, 0]))


def chat(count, seed) -> Corpus:
    """Returns sentences as people type them: other phrases, half of the names others, no capital letter.

    Args:
        count: How many.
        seed: Integer.
    """
    tokens, tags = _corpus(_CHAT, 2, count, np.random.default_rng([seed, 1]))
    return Corpus([[token.lower() for token in sentence] for sentence in tokens], tags)


def _corpus(templates, own, count, draw) -> Corpus:
    split = {"PER": " ", "LOC": ",", "ORG": ","}
    lists = {"first": (_FIRST, " "), "last": (_LAST, " "), "LOC": (_LOC, ","), "ORG": (_ORG, ",")}
    names = {
        kind: [name for part in (0, own) for name in text.split("|")[part].split(split.get(kind, cut))]
        for kind, (text, cut) in lists.items()
    }
    templates = templates.split("|")
    sentences = [_filled(templates[draw.integers(len(templates))], names, draw) for _ in range(count)]
    return Corpus(*([[pair[part] for pair in pairs] for pairs in sentences] for part in (0, 1)))


def _filled(template, names, draw) -> list:
    """Returns `(token, tag)` for each word of a template whose slots are filled."""
    pairs = []
    for word in template.split():
        kind = word.strip("{}").upper()
        if word[0] != "{":
            pairs.append((word, "O"))
        elif kind not in KINDS:
            pairs.append((str(draw.integers(2, 90)) if kind == "NUM" else DAYS[draw.integers(7)], "O"))
        else:
            parts = _name(kind, names, draw)
            pairs += [(part, f"{'I' if index else 'B'}-{kind}") for index, part in enumerate(parts)]
    return pairs


def _name(kind, names, draw) -> list:
    if kind != "PER":
        return str(draw.choice(names[kind])).split()
    first, last = str(draw.choice(names["first"])), str(draw.choice(names["last"]))
    return [[first, last], [first], [last]][draw.choice(3, p=[0.5, 0.3, 0.2])]

"""The words, chores and plain text behind `builtin:fledgling`.

`chores.json` holds the words and the instruction forms, for this file and for `BuiltInChores` in Swift alike. Here are
the contents of a chore (what it speaks of, and the exact answer), the records made of them, and the plain statements
of the same skills that the base is pre-trained on. No statement uses the instruction form.
"""

import json
import os
import random

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT_IN = os.path.join(ROOT, "Sources", "InstructionTuning", "BuiltIn")
END = "<|end|>"
TEMPLATE = "Task: {instruction}\nGiven: {input}\nAnswer:\n"

with open(os.path.join(BUILT_IN, "chores.json"), encoding="utf-8") as file:
    CHORES = json.load(file)

KINDS = CHORES["kinds"]
NAMES = CHORES["names"]
PLACES = CHORES["places"]
LARGEST = CHORES["largest"]
PAST = dict(CHORES["verbs"])
OPPOSITE = {a: b for pair in CHORES["opposites"] for a, b in (pair, pair[::-1])}
THINGS = [word for kind in KINDS if kind != "colours" for word in KINDS[kind]]
BELONGINGS = [word for kind in ("tools", "clothes", "vehicles") for word in KINDS[kind]]
WORDS = THINGS + KINDS["colours"] + NAMES + PLACES


def content(category, task, rng):
    """One content of a chore: what it speaks of, the answer, and the key that its instruction asks for, if any."""
    return globals()["content_" + category](task, rng)


def content_arithmetic(task, rng):
    if task == "sum":
        a, b = rng.randint(1, 15), rng.randint(1, 15)
        return f"{a} and {b}", str(a + b), ""
    a = rng.randint(2, 20)
    b = rng.randint(1, a - 1)
    return f"{a} and {b}", str(a - b), ""


def content_classification(task, rng):
    kind = rng.choice(list(KINDS))
    return ", ".join(rng.sample(KINDS[kind], 3)), kind, ""


def content_comparison(task, rng):
    a, b = rng.sample(range(LARGEST + 1), 2)
    return f"{a} or {b}", str(max(a, b) if task == "larger" else min(a, b)), ""


def content_completion(task, rng):
    if rng.random() < 0.5:
        step = rng.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5])
        start = rng.randint(max(0, -3 * step), LARGEST - max(0, 3 * step))
        row = [str(start + i * step) for i in range(4)]
    else:
        a, b = rng.sample(THINGS, 2)
        row = rng.choice([[a, b, a, b, a, b], [a, a, b, a, a, b], [a, b, b, a, b, b]])
    return " ".join(row[:-1]), row[-1], ""


def content_counting(task, rng):
    count = rng.randint(2, 7)
    return " ".join(rng.sample(THINGS, count)), str(count), ""


def content_extraction(task, rng):
    parts = {
        "person": rng.choice(NAMES),
        "colour": rng.choice(KINDS["colours"]),
        "animal": rng.choice(KINDS["animals"]),
        "place": rng.choice(PLACES),
    }
    return f"{parts['person']} met the {parts['colour']} {parts['animal']} at the {parts['place']}.", parts[task], ""


def content_lookup(task, rng):
    count = rng.randint(2, 3)
    owners, things = rng.sample(NAMES, count), rng.sample(BELONGINGS, count)
    asked = rng.randrange(count)
    context = " ".join(f"{owner} has the {thing}." for owner, thing in zip(owners, things))
    if task == "thing":
        return context, things[asked], owners[asked]
    return context, owners[asked], things[asked]


def content_reversing(task, rng):
    words = rng.sample(THINGS, rng.randint(3, 4))
    return " ".join(words), " ".join(words[::-1]), ""


def content_rewriting(task, rng):
    if task == "past":
        name, verb, place = rng.choice(NAMES), rng.choice(list(PAST)), rng.choice(PLACES)
        return f"{name} {verb} to the {place}.", f"{name} {PAST[verb]} to the {place}.", ""
    word, thing = rng.choice(list(OPPOSITE)), rng.choice(THINGS)
    return f"the {word} {thing}", f"the {OPPOSITE[word]} {thing}", ""


def content_sorting(task, rng):
    numbers = rng.sample(range(LARGEST + 1), 3)
    return " ".join(map(str, numbers)), " ".join(map(str, sorted(numbers))), ""


def records(count, seed):
    """`count` unique records, the categories in turn."""
    rng = random.Random(seed)
    made, seen, categories = [], set(), list(CHORES["forms"])
    while len(made) < count:
        category = categories[len(made) % len(categories)]
        tasks = CHORES["forms"][category]
        task = rng.choice(list(tasks))
        while True:
            context, response, key = content(category, task, rng)
            instruction = rng.choice(tasks[task]).format(key=key)
            if (instruction, context) not in seen:
                break
        seen.add((instruction, context))
        made.append({"instruction": instruction, "input": context, "output": response, "category": category})
    rng.shuffle(made)
    return made


# ----------------------------------------------------------------------------------------------------------------------
# Plain text: {c} is what a chore speaks of, {r} the answer, {k} the key.
# ----------------------------------------------------------------------------------------------------------------------

STATEMENTS = {
    "arithmetic.sum": [
        "The sum of {c} is {r}.", "{c} have the sum\n{r}\nand no more.", "The total of {c} is {r} in all.",
        "With the numbers {c} added, the total is\n{r}\n", "{c} is {r} in all.", "{c} add up to {r}.",
        "How much {c} make is known: {r}.", "The numbers {c}. The sum:\n{r}\n",
    ],
    "arithmetic.difference": [
        "The difference of {c} is {r}.", "{c} have the difference\n{r}\nand no more.",
        "With the second number taken from the first, {c} leave {r}.", "Of {c}, {r} is left.",
        "{c}: the second number is subtracted, and what is left is\n{r}\n", "{c} differ by {r}.",
        "The numbers {c}. The difference:\n{r}\n", "How much is left of {c} is known: {r}.",
    ],
    "classification.kind": [
        "{c} are {r}.", "{c} are all\n{r}\n", "The group of {c} is called {r}.", "{c} belong to the {r}.",
        "The kind of {c} is\n{r}\n", "All these are {r}: {c}.", "These things, {c}, are named\n{r}\n",
        "{c}. They are all {r}.",
    ],
    "comparison.larger": [
        "Of {c}, the larger number is {r}.", "{c}: the greater number is\n{r}\n", "The bigger one of {c} is {r}.",
        "{c}: more is {r}.", "Of {c}, one is more:\n{r}\n", "{r} is the larger number of {c}.",
    ],
    "comparison.smaller": [
        "Of {c}, the smaller number is {r}.", "{c}: the lesser number is\n{r}\n", "The smaller one of {c} is {r}.",
        "{c}: less is {r}.", "Of {c}, one is less:\n{r}\n", "{r} is the smaller number of {c}.",
    ],
    "completion.next": [
        "After {c} comes {r}.", "The row {c} goes on with {r}.", "{c} and next comes\n{r}\n", "{c} {r}",
        "The pattern {c} is complete with {r}.", "The row {c} continues:\n{r}\n", "In the row {c} the next one is {r}.",
    ],
    "counting.words": [
        "There are {r} words in {c}.", "{c} are {r} words.", "The list {c} is {r} long.",
        "{c}: the number of words is\n{r}\n", "{c}. How many there are is known: {r}.", "The words {c} count\n{r}\n",
        "The count of {c} is {r}.", "It is known how many there are in {c}: {r}.",
    ],
    "extraction.animal": [
        "{c} The animal is the {r}.", "{c} It is an animal:\n{r}\n", "{c} The animal named is {r}.",
    ],
    "extraction.colour": [
        "{c} The colour is {r}.", "{c} It has a colour:\n{r}\n", "{c} The colour named is {r}.",
    ],
    "extraction.person": [
        "{c} The person is {r}.", "{c} The person who it is:\n{r}\n", "{c} The person named is {r}.",
    ],
    "extraction.place": [
        "{c} The place is the {r}.", "{c} The place where it is:\n{r}\n", "{c} The place named is {r}.",
    ],
    "lookup.thing": [
        "{c} What {k} has is the {r}.", "{c} The thing of {k} is\n{r}\n", "{c} The thing which {k} has is the {r}.",
        "{c} {k} does have the {r}.", "{c} So {k} has the {r}.",
    ],
    "lookup.owner": [
        "{c} Who has the {k} is {r}.", "{c} The owner of the {k} is\n{r}\n", "{c} The {k} is owned by {r}.",
        "{c} So the {k} is with {r}.", "{c} The {k} has the owner {r}.",
    ],
    "reversing.words": [
        "{c} backwards is {r}.", "The words {c} in reverse are\n{r}\n", "The list {c} turned around is {r}.",
        "From the end, {c} is\n{r}\n", "{c} reversed:\n{r}\n", "{r} is the reverse of {c}.",
    ],
    "rewriting.past": [
        "{c} In the past:\n{r}\n", "{c} It was so yesterday:\n{r}\n", "{c} So it was in the past. {r}",
        "{c} Of yesterday it is told: {r}", "{c} As the past has it:\n{r}\n", "{c} Yesterday: {r}",
    ],
    "rewriting.opposite": [
        "The opposite of {c} is {r}.", "{c} has the opposite\n{r}\n", "{c} turned into the opposite is {r}.",
        "{c} with the opposite word:\n{r}\n", "{c} or the opposite, {r}.",
    ],
    "sorting.ascending": [
        "The numbers {c} in order are {r}.", "{c} sorted:\n{r}\n", "{c} from small to large is {r}.",
        "With the smallest number first, {c} is\n{r}\n", "{c} in order:\n{r}\n", "{c} ordered: {r}.",
        "{c} from the smallest up is {r}.",
    ],
}

# Headings of a table whose lines are what is spoken of and, below it, the answer.
HEADINGS = {
    "arithmetic.sum": ["sums", "the total", "added numbers"],
    "arithmetic.difference": ["the difference", "what is left", "the second number taken from the first"],
    "classification.kind": ["groups", "kinds of things", "what these are"],
    "comparison.larger": ["the larger number", "the greater one", "the bigger one", "more"],
    "comparison.smaller": ["the smaller number", "the lesser one", "the smaller one", "less"],
    "completion.next": ["what comes next", "rows", "patterns", "the next one"],
    "counting.words": ["how many words", "the number of words", "how long", "word count"],
    "extraction.animal": ["the animal", "animals"],
    "extraction.colour": ["the colour", "colours"],
    "extraction.person": ["the person", "who it is"],
    "extraction.place": ["the place", "where it is"],
    "reversing.words": ["reverse", "backwards", "turned around", "from the end"],
    "rewriting.past": ["in the past", "yesterday"],
    "rewriting.opposite": ["the opposite", "opposite words"],
    "sorting.ascending": ["in order", "sorted numbers", "from small to large", "the smallest first"],
}

# Sentences that hold the words and marks of the instruction forms in other company.
FILLERS = [
    "Task by task, {n} went on.", "The Task of the day was long.", "Given a {t}, {n} went to the {p}.",
    "Given: the {t}.", "Task: none.", "Answer: none.", "Answer me, {n} said.", "No Answer came.",
    "{n} said: Add a {t}.", "{n} said: Find me!", "{n} said: Take the {t} from the {p}.", "Subtract none, said {n}.",
    "Which {t}? {n} has it.", "What a {t}!", "What place is it? The {p}.", "How long a day!", "So how was it? Say how.", "How big the {p} is!",
    "Name and person: {n}.", "Say no more.", "Say, {n}, are you at the {p}?", "Where was {n}? At the {p}.",
    "Who came? {n} came.", "Choose a day, said {n}.", "Pick the {t}, said {n}.", "Continue to the {p}, said {n}.",
    "Complete with a {t}, the {p} was full.", "Go on to the {p}.", "Write to {n}.", "Write me of the {p}.",
    "Count on {n}.", "Give the {t} to {n}.", "Look at the {p}.", "Look up, {n} said.", "Reverse at the {p}.",
    "Turn at the {p}.", "Put the {t} at the {p}.", "Put it there.", "Use the {t}.", "Tell {n} of the {t}.",
    "Sort of a {t}, said {n}.", "Order a {t} from {n}.", "Order them at the shop.", "How much does the {t} have?",
    "How many days is it to the {p}?", "What does {n} use?", "What are they, and who?", "What comes up at the {p}?",
    "Which is it? Which one?", "These are of {n}.", "It is {n}.", "This one is new.", "They do as {n} does.",
    "What kind of day was it?", "The group of {n} went up the {p}.", "Is it in all? It is.", "Say them all.",
    "Turn it into a {t}.", "Write them in a row.", "Say it as {n} does.", "Tell it, as it was.", "Count them, {n}.",
    "The pattern of the {t} is old.", "The owner of the {p} was {n}.", "Which do you belong to?", "Find it!",
    "So it was, and no more.", "The thing has a name.", "Who are you? {n}.", "Take it from the end.",
]


# The words that open the instruction forms, in capitals there.
OPENERS = sorted({form.split()[0] for tasks in CHORES["forms"].values() for forms in tasks.values() for form in forms})


# Marks around what follows from the text before it; `spans` takes them out.
OPEN, CLOSE = "\x01", "\x02"


def spans(marked):
    """The text without its marks and the [start, end) places of what was between them."""
    plain, found = "", []
    for i, piece in enumerate(marked.replace(CLOSE, OPEN).split(OPEN)):
        if i % 2:
            found.append((len(plain), len(plain) + len(piece)))
        plain += piece
    return plain, found


def fill(form, category, task, rng):
    c, r, k = content(category, task, rng)
    return form.format(c=c, r=f"{OPEN}{r}{CLOSE}", k=k)


def statement(rng):
    category, task = any_task(rng)
    return fill(rng.choice(STATEMENTS[f"{category}.{task}"]), category, task, rng)


# How often the text speaks of a category: more of what is hard to learn.
SHARES = {
    "arithmetic": 3, "classification": 1, "comparison": 2, "completion": 2, "counting": 1, "extraction": 3, "lookup": 4,
    "reversing": 4, "rewriting": 3, "sorting": 2,
}


def any_task(rng):
    category = rng.choices(list(SHARES), list(SHARES.values()))[0]
    return category, rng.choice(list(CHORES["forms"][category]))


def filler(rng):
    if rng.random() < 0.4:
        word = rng.choice(OPENERS)
        form = rng.choice(["{n} said: {W}, {w}, and again {w}.", "{W} or {w}? Is it {W}?", "So {n} said: {W} it, {W} them."])
        return form.format(n=rng.choice(NAMES), W=word, w=word.lower())
    return rng.choice(FILLERS).format(n=rng.choice(NAMES), t=rng.choice(THINGS), p=rng.choice(PLACES))


def table(rng):
    """A heading and rows of contents and answers; ends with a sentence, so that no answer ends a text."""
    while True:
        category, task = any_task(rng)
        if f"{category}.{task}" in HEADINGS:
            break
    lines = [rng.choice(HEADINGS[f"{category}.{task}"])]
    for _ in range(rng.choice([1, 1, 2, 3])):
        c, r, _ = content(category, task, rng)
        lines += [c, f"{OPEN}{r}{CLOSE}"]
    return "\n".join(lines + [rng.choice(["So it is.", "No more.", filler(rng)])])


def row(rng):
    """Words of a kind, numbers in order, a name and a thing: what is next to what."""
    kind = rng.random()
    if kind < 0.3:
        start, step = rng.randint(0, 20), rng.choice([1, 1, 1, 2, 3, 5])
        return " ".join(str(n) for n in range(start, LARGEST + 1, step)[:12])
    if kind < 0.6:
        name = rng.choice(list(KINDS))
        words = ", ".join(rng.sample(KINDS[name], rng.randint(2, 6)))
        return rng.choice([f"{name}: {words}.", f"{words}: {name}."])
    words = rng.sample(WORDS, rng.randint(3, 8))
    first = rng.choice([" ", "\n", ", "]).join(words)
    return f"{first}\n{OPEN}{rng.choice([' ', chr(10), ', ']).join(words)}{CLOSE}"


def repeated(rng):
    """A list of words two to four times over: from such texts a model learns soonest to copy."""
    words = rng.sample(WORDS, rng.randint(2, 6))
    lists = [rng.choice([" ", "\n", ", "]).join(words) for _ in range(rng.randint(2, 4))]
    return lists[0] + "".join(f"\n{OPEN}{again}{CLOSE}" for again in lists[1:])


def document(rng):
    draw = rng.random()
    if draw < 0.05:
        return repeated(rng)
    if draw < 0.3:
        return table(rng)
    pieces = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        draw = rng.random()
        pieces.append(filler(rng) if draw < 0.15 else row(rng) if draw < 0.2 else statement(rng))
    text = pieces[0]
    for piece in pieces[1:]:
        text += piece if text.endswith("\n") else rng.choice(["\n", " "]) + piece
    return text if not text.endswith("\n") else text + rng.choice(["So it is.", "No more.", filler(rng)])


"""Runs rule tests: compares what each test expects with what the rules tell on that day, and reports every difference.

A failing test is an error in the rule files: the last good rules stay in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from loguru import logger
from pydantic import ValidationError

from bot.core.deciding.admission import Refused, vetted
from bot.core.deciding.findings import HORIZON, arisen_items, items_of
from bot.core.deciding.reasons import Reason
from bot.core.facts.case_steps import ids_of_cases
from bot.core.facts.events import Event, Silenced
from bot.core.facts.facts import Facts, fold
from bot.core.preview.rehearsal import Occasion, WordedMessage, WordedTelling, audience, happening, rehearse
from bot.core.rules.item import long_date
from bot.core.rules.item_ids import ITEM_ID, OFFICE, is_one_of, is_step_of, without_step
from bot.core.rules.rulebook import Rulebook
from bot.core.rules.succession import Succession, of_today
from bot.core.telling.wording import WEEKDAYS
from bot.core.time.grammar import normalise
from bot.core.time.near import near
from bot.rulefiles.known import VERBS, Known
from bot.rulefiles.loader import FOLDER, Loaded
from bot.rulefiles.rule_tests import Expectation, RuleTest, TestPart
from bot.rulefiles.text.problems import START, Path, Problem, in_order
from bot.rulefiles.text.sheet import Placed, Sheet

#: A day further than this from the plan's first day is taken for a typing error.
FARTHEST = timedelta(days=366 * 15)
MEND = "这处改动是有意的，就把测试一起改掉；不是，就改回规则"
#: The most characters of a text in a problem, and the most items.
GIST = 70
SHOWN = 2


@dataclass(frozen=True)
class TestResult:
    """The result of one test. `problems` is empty if it passed; `occasion` is None if it could not be run."""

    part: TestPart
    problems: tuple[Problem, ...]
    occasion: Occasion | None = None


def proven(loaded: Loaded) -> Loaded:
    """The loaded rules with the problems found by their tests; without a rulebook if a test failed."""
    if loaded.rulebook is None or not loaded.tests:
        return loaded
    found = _complaints(loaded.rulebook, loaded.tests)
    problems = in_order((*loaded.problems, *found))
    return replace(loaded, rulebook=None if found else loaded.rulebook, problems=problems)


def _complaints(rulebook: Rulebook, parts: Sequence[TestPart]) -> list[Problem]:
    """All problems of the tests. If running them raises an error, that is a problem too, so that it does not stop the bot."""
    try:
        return [problem for outcome in try_tests(rulebook, parts) for problem in outcome.problems]
    except Exception as error:
        logger.opt(exception=error).error("规则测试无法试演")
        return [Problem.at(FOLDER, START, "cannot-rehearse", f"按规则测试试演时出错（{type(error).__name__}）")]


def try_tests(rulebook: Rulebook, parts: Sequence[TestPart]) -> list[TestResult]:
    """The results of all tests, in order, including those that could not be run."""
    outcomes: dict[int, TestResult] = {}
    fit: list[tuple[int, TestPart, Occasion]] = []
    for index, part in enumerate(parts):
        own = _fresh(_of_today(part, rulebook.succession))
        occasion = _Fitting(rulebook, own).occasion()
        problems = tuple(own.test.sheet.problems)
        outcomes[index] = TestResult(part, problems)
        if occasion is not None and not problems:
            fit.append((index, own, occasion))
    for (index, _, occasion), own in zip(fit, _compared(rulebook, [(own, one) for _, own, one in fit]), strict=True):
        outcomes[index] = TestResult(parts[index], tuple(own.test.sheet.problems), occasion)
    return [outcomes[index] for index in range(len(parts))]


def _compared(rulebook: Rulebook, fit: Sequence[tuple[TestPart, Occasion]]) -> list[TestPart]:
    """The tests with their problems. A failing test is compared again with all messages of its day, to quote them."""
    tried = [_fresh(part) for part, _ in fit]
    for part, said in zip(tried, rehearse(rulebook, [occasion for _, occasion in fit]), strict=True):
        _compare(part.test, said)
    red = [index for index, part in enumerate(tried) if part.test.sheet.problems]
    whole = rehearse(rulebook, [replace(fit[index][1], items=frozenset()) for index in red])
    for index, said in zip(red, whole, strict=True):
        tried[index] = _fresh(fit[index][0])
        _compare(tried[index].test, said)
    return tried


def _of_today(part: TestPart, names: Succession) -> TestPart:
    """The test with today's names, so that it stays valid when a unit is renamed or merged or an item gets another id."""
    return TestPart(replace(part.test, form=of_today(part.test.form, names)), part.known)


def _fresh(part: TestPart) -> TestPart:
    """The same test with its own list of problems."""
    sheet = Sheet(part.test.sheet.file, part.test.sheet.tree, [])
    known = tuple(replace(one, sheet=sheet) for one in part.known)
    return TestPart(replace(part.test, sheet=sheet), known)


# --- does the test fit the rules ---------------------------------------------------------------------------------------


class _Fitting:
    """Checks one test against the rules; reports names that do not exist and impossible days."""

    def __init__(self, rulebook: Rulebook, part: TestPart) -> None:
        self._rulebook, self._part, self._test = rulebook, part, part.test

    def occasion(self) -> Occasion | None:
        """The day with its past events; None after reporting a problem with them."""
        form = self._test.form
        if not self._is_a_day(form.today):
            return None
        known = tuple(self._events())
        if len(known) < len(self._part.known):
            return None
        self._names(known)
        items = [one.item for one in (*form.told, *form.untold)]
        whole = any(not item or item.startswith(OFFICE) for item in items)
        return Occasion(form.today, known, form.proposals == "已确认", frozenset() if whole else frozenset(items))

    def _is_a_day(self, today: date) -> bool:
        plan, calendar = self._rulebook.plan, self._rulebook.calendar
        if not plan.starts_on <= today <= plan.starts_on + FARTHEST:
            message = f"“今天是”{today}不在起算日{plan.starts_on}之后的十五年内"
            self._test.report("test-day", ("今天是",), message, "看看年份是不是写错了")
        elif not calendar.may_send(today):
            name = calendar.holiday_name(today) or f"星期{WEEKDAYS[today.weekday()]}"
            before = calendar.send_day_on_or_before(today)
            hint = f"改成能发消息的一天，如{before}或{calendar.send_day_on_or_after(today)}"
            self._test.report("test-day", ("今天是",), f"“今天是”{today}（{name}）不发任何消息", hint)
        else:
            return True
        return False

    # 已知

    def _events(self) -> Iterator[Event]:
        """The events of 已知 in order of time, so that a case is opened before other events mention it."""
        facts = Facts(names=self._rulebook.succession)
        for day, index in sorted((self._day(one), index) for index, one in enumerate(self._part.known)):
            event = self._event(self._part.known[index], index, day, facts)
            if event is not None:
                facts = facts.after(event)
                yield event

    def _day(self, placed: Placed[Known]) -> date:
        return placed.form.day or self._test.form.today - timedelta(days=1)

    def _event(self, placed: Placed[Known], index: int, day: date, facts: Facts) -> Event | None:
        today = self._test.form.today
        if day >= today:
            hint = "当天报来、办成的事，要到下一个工作日才提醒；写前一天或更早"
            placed.report("known-day", ("日期",), f"“已知”的事发生在{day}，不早于“今天是”{today}", hint)
            return None
        verb = VERBS[placed.form.verb]
        try:
            payload = verb.event(placed.form, self._rulebook, day)
            if isinstance(payload, Silenced) and payload.until <= happening(day) + timedelta(minutes=1):
                placed.report(
                    "known-day", ("至",), f"静默到{payload.until:%Y-%m-%d}，{day}才开始", "在“日期”里写明哪天起静默"
                )
                return None
            event = Event.of(payload, key=f"已知-{index}", time=happening(day), source="duban/test")
            return vetted(event, self._rulebook, (), day, facts, reasons=False)
        except Refused as refused:
            placed.report("known-refused", (verb.word,), str(refused))
        except ValidationError as error:
            placed.report("known-refused", (verb.word,), f"“{verb.word}”填写有误（{error.errors()[0]['msg']}）")
        return None

    # 应当发给, 不应发给

    def _names(self, known: Sequence[Event]) -> None:
        """Reports units and items that do not exist: with a misspelt name, 不应发给 would always pass."""
        units, ids = audience(self._rulebook), self._ids(known)
        for key, expectations in (("应当发给", self._test.form.told), ("不应发给", self._test.form.untold)):
            for index, one in enumerate(expectations):
                for number, unit in enumerate(one.units):
                    if unit not in units:
                        self._report("unknown-unit", (key, index, "单位", number), *self._no_unit(unit, units))
                for loc, name in self._named(one):
                    if name not in ids and not name.startswith(OFFICE):
                        self._report("unknown-item", (key, index, *loc), *_no_item(name, ids))

    def _report(self, code: str, loc: Path, message: str, hint: str) -> None:
        self._test.report(code, loc, message, hint)

    def _ids(self, known: Sequence[Event]) -> list[str]:
        rulebook = self._rulebook
        until = date((self._test.form.today + HORIZON).year, 12, 31)
        facts = fold(known, Facts())
        items = (*items_of(rulebook, until), *arisen_items(rulebook, facts))
        return [*(item.id for item in items), *ids_of_cases(rulebook.by_id, facts), *rulebook.by_id]

    def _named(self, one: Expectation) -> Iterator[tuple[Path, str]]:
        if one.item:
            yield ("事项",), one.item
        for number, text in enumerate(one.texts):
            if ITEM_ID.fullmatch(text):
                yield ("包含", number), text

    def _no_unit(self, name: str, units: Sequence[str]) -> tuple[str, str]:
        full = self._rulebook.unit_aliases.get(name)
        if full:
            return f"“{name}”不是单位的全称", f"请写全称“{full}”"
        match = near(name, units)
        return (
            f"没有“{name}”这个单位",
            f"是不是“{match}”？" if match else "可以写单位全称、领导小组、管理员、单位全称加“·分管领导”",
        )


def _no_item(name: str, known: Sequence[str]) -> tuple[str, str]:
    periods = [one for one in known if is_one_of(one, name)]
    match = periods[0] if periods else near(name, known)
    return f"没有“{name}”这个事项", f"是不是“{match}”？" if match else "编号见 duban preview"


# --- does the test hold ------------------------------------------------------------------------------------------------


def _compare(test: Placed[RuleTest], said: Sequence[WordedMessage]) -> None:
    """Reports every expectation that the messages do not meet."""
    for wanted, key, expectations in ((True, "应当发给", test.form.told), (False, "不应发给", test.form.untold)):
        for index, one in enumerate(expectations):
            wrong = [number for number, unit in enumerate(one.units) if holds(one, unit, said) is not wanted]
            if wrong:
                units = [one.units[number] for number in wrong]
                loc: Path = (key, index, "单位", wrong[0])
                test.report("red-test", loc, _difference(test.form, key, one, units, said), MEND)


def holds(one: Expectation, unit: str, said: Iterable[WordedMessage]) -> bool:
    """Whether the messages tell the unit what the expectation says."""
    own = [message for message in said if message.unit == unit]
    if not one.item:
        parts = [part for message in own for part in message.about]
        return bool(own) and _heard(one.texts, (message.text for message in own), parts)
    about = (part for message in own for part in message.about if is_about(part, one.item))
    return any(_heard(one.texts, [part.text], [part]) for part in about if one.texts or not _registers(part))


def _registers(part: WordedTelling) -> bool:
    """Whether it only says what was registered for the unit: it asks for nothing, so a test must quote it to mean it."""
    return part.telling.reason == Reason.REGISTERED.name


def _heard(wanted: Iterable[str], said: Iterable[str], parts: Sequence[WordedTelling]) -> bool:
    """Whether all texts occur in messages or in the ids of what they tell; the name of a case's step is in no message."""
    items = [part.telling.item for part in parts]
    heard = "\n".join((*said, *(without_step(item) for item in items)))
    return _all_in((text for text in wanted if text not in items), heard)


def is_about(part: WordedTelling, item: str) -> bool:
    """Whether a telling is about that item, or about an item of that case or rule; a milestone does not include its steps."""
    told = part.telling
    return item in (told.item, without_step(told.item)) or (item == told.rule and not is_step_of(told.item, item))


def _all_in(texts: Iterable[str], heard: str) -> bool:
    """Whether all texts occur; ignores blanks and the difference of full and half width."""
    plain = normalise(heard)
    return all(normalise(text) in plain for text in texts)


def _difference(test: RuleTest, key: str, one: Expectation, units: Sequence[str], said: Sequence[WordedMessage]) -> str:
    what = [f"关于{one.item}"] if one.item else []
    what += [f"含{'、'.join(f'“{text}”' for text in one.texts)}"] if one.texts else []
    wanted = f"{key}{'、'.join(units)}{'、'.join(what)}{'的' if what else '任何'}消息"
    facts = "；".join(_really(one, units[0], said))
    return f"测试“{test.name}”没有通过：{long_date(test.today)}{wanted}。{facts}"


def _really(one: Expectation, unit: str, said: Sequence[WordedMessage]) -> Iterator[str]:
    """Sentences about what the unit was told that day, and who was told about the item."""
    own = [part for message in said if message.unit == unit for part in message.about]
    shown = [part for part in own if one.item and is_about(part, one.item)] or own
    told = "、".join(dict.fromkeys(f"{part.telling.item}（{gist(part)}）" for part in shown[:SHOWN]))
    more = f"等{len(shown)}项" if len(shown) > SHOWN else ""
    yield f"当天发给{unit}的是：{told}{more}" if own else f"当天什么也没有发给{unit}"
    names = [one.item] if one.item else [text for text in one.texts if ITEM_ID.fullmatch(text)]
    for item in names[:1]:
        who = dict.fromkeys(m.unit for m in said for part in m.about if is_about(part, item))
        yield f"{item}当天发给：{'、'.join(who)}" if who else f"{item}当天没有发给任何人"


def gist(part: WordedTelling) -> str:
    """The text about an item on one line, without headline, counts and section headings."""
    lines = [line for line in part.text.split("\n")[1:] if not re.match(r"共\d+项|[一二三四五六七八九十]+、", line)]
    whole = re.sub(r"^\d+\. ", "", "，".join(lines)).replace(f"（{part.telling.item}）", " ").replace("\u3000", " ")
    return whole if len(whole) <= GIST else f"{whole[: GIST - 1]}…"

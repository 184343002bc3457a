"""Commands about numbers: preliminary and corrected values, indicators of a task, sensitive ones."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.deciding.admission import Refused, vetted
from bot.core.facts.events import Observed
from bot.core.facts.facts import Facts, Observation
from bot.service.home import peek_store, read_home
from tests.cli.conftest import Run
from tests.kit.builders import an_event, moment
from tests.kit.rules_factory import LADDERS, NUMBER_LADDERS, TASK, TASK_INDICATORS, write_rules


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_rules(tmp_path, {"tasks/05.yaml": TASK + TASK_INDICATORS, "ladders.yaml": LADDERS + NUMBER_LADDERS})
    return tmp_path


def observed(home: Path, indicator: str, period: str) -> Observation:
    return peek_store(read_home(home).state("real")).facts.observations[indicator, period]


@pytest.mark.parametrize("flag", ["--preliminary", "--初步数"])
def test_a_preliminary_value_is_kept_as_one(duban: Run, home: Path, flag: str) -> None:
    code, out, _ = duban("report", "T05-I1", "2026Q1", "14.2", flag)
    assert (code, out) == (0, "已录入：生师比 2026Q1 初步数14.2。\n")
    assert observed(home, "T05-I1", "2026Q1").final is False


def test_final_value_says_what_the_preliminary_one_was(duban: Run, home: Path) -> None:
    duban("report", "T05-I1", "2026Q1", "14.2", "--preliminary")
    _, out, _ = duban("report", "T05-I1", "2026Q1", "14.5")
    assert out == "已录入：生师比 2026Q1 14.5（更正，原初步数14.2）。\n"
    assert observed(home, "T05-I1", "2026Q1").final is True
    _, out, _ = duban("report", "T05-I1", "2026Q1", "14.6")
    assert out == "已录入：生师比 2026Q1 14.6（更正，原值14.5）。\n"
    _, out, _ = duban("report", "T05-I1", "2026Q1", "14.6", "--preliminary")
    assert out == "已录入：生师比 2026Q1 初步数14.6（原为终值）。\n"
    _, out, _ = duban("report", "T05-I1", "2026Q1", "14.6", "--preliminary")
    assert out == "已录入：生师比 2026Q1 初步数14.6。\n"


def test_of_a_sensitive_indicator_neither_title_nor_amount_is_echoed(duban: Run) -> None:
    _, out, _ = duban("report", "T05-I2", "2026", "81234")
    assert out == "已录入：T05-I2 2026。\n"
    _, out, _ = duban("report", "T05-I2", "2026", "81235", "--preliminary")
    assert out == "已录入：T05-I2 2026 初步数（更正）。\n"


def test_an_event_from_outside_may_be_preliminary_and_use_a_former_number(home: Path) -> None:
    rulebook = read_home(home).rulebook
    assert rulebook is not None
    told = Observed(indicator="T05-I9", period="2026", value=Decimal("81234"), final=False)
    event = vetted(an_event(told, "2027-03-01 10:00"), rulebook, (), moment("2027-03-01").date(), Facts())
    assert event.data == told.model_copy(update={"indicator": "T05-I2"}).model_dump(mode="json")
    other = an_event(told.model_copy(update={"period": "2026Q1"}), "2027-03-01 10:00")
    with pytest.raises(Refused, match="没有T05-I2的期别“2026Q1”"):
        vetted(other, rulebook, (), moment("2027-03-01").date(), Facts())


def test_a_value_under_a_former_number_is_kept_under_todays(duban: Run, home: Path) -> None:
    assert duban("report", "T05-I9", "2026", "81234")[0] == 0
    assert observed(home, "T05-I2", "2026").value == 81234


def test_periods_long_past_are_accepted_in_the_labels_of_the_reports(duban: Run, home: Path) -> None:
    assert duban("report", "T05-I1", "2019Q3", "15")[0] == 0
    code, _, err = duban("report", "T05-I1", "2019H1", "15")
    assert code == 2
    assert "没有“2019H1”这一期" in err


def test_unknown_indicator_of_a_task_is_met_with_a_near_one(duban: Run) -> None:
    code, _, err = duban("report", "T05-I3", "2026", "1")
    assert code == 1
    assert "是不是“T05-I" in err


def test_check_counts_and_reads_back_what_the_tasks_measure(duban: Run) -> None:
    _, out, _ = duban("check", "--read")
    line = next(line for line in out.splitlines() if line.startswith("T05-I1:趋势"))
    assert "看最近4期，要求数值不上升，变化0.1以内算持平" in line
    assert "牵头单位是县教育局" in line
    assert "依据是建议，确认之前不提醒" in line
    assert "指标3个" in out


def test_an_indicator_of_a_task_is_confirmed_by_its_number_or_with_its_task(duban: Run) -> None:
    _, out, _ = duban("confirm")
    assert "T05-I1:趋势 生师比：看最近4期" in out
    assert "T05-I2 牵头单位：县财政局" in out
    _, out, _ = duban("confirm", "T05-I1")
    assert out == "已确认事项2项，牵头单位0处。\n"
    _, out, _ = duban("confirm", "T05-I2")
    assert out == "已确认事项0项，牵头单位1处。\n"


def test_the_bound_of_a_sensitive_indicator_is_not_listed(duban: Run, home: Path) -> None:
    rules = home / "rules" / "tasks" / "05.yaml"
    rules.write_text(rules.read_text().replace("指标: 教师平均工资收入", "指标: 教师平均工资收入\n    依据: 建议"))
    _, out, _ = duban("confirm")
    assert "T05-I2:保持 督办事项：敏感指标" in out
    assert "50000" not in out


def test_explain_says_why_a_verdict_is_not_told(duban: Run) -> None:
    duban("report", "T05-I2", "2027", "1")
    _, out, _ = duban("explain", "T05-I2:保持", "--at", "2028-06-01T12:00", "--json")
    assert "T05-I2:保持" in out
    assert "50000" not in out
    assert "工资" not in out


# --- values that are to be confirmed ------------------------------------------------------------------------------


class Terminal(io.TextIOWrapper):
    """Somebody who types at a terminal."""

    def isatty(self) -> bool:
        return True


def typing(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO(answer.encode()), encoding="utf-8"))


@pytest.mark.parametrize("value", ["968", "0.975", "9680"])
def test_without_a_terminal_a_doubtful_value_is_refused_with_the_way_to_confirm_it(
    duban: Run, home: Path, value: str
) -> None:
    code, _, err = duban("report", "I4", "2026", value)
    assert (code, "是不是9" in err, "--yes" in err, "什么都没有写入" in err) == (2, True, True, True)
    assert not peek_store(read_home(home).state("real")).events


@pytest.mark.parametrize("flag", ["--yes", "--是"])
def test_a_doubtful_value_that_is_confirmed_is_entered(duban: Run, home: Path, flag: str) -> None:
    assert duban("report", "I4", "2026", "30", flag)[0] == 0
    assert observed(home, "I4", "2026").value == 30


@pytest.mark.parametrize(("answer", "code"), [("是\n", 0), ("y\n", 0), ("否\n", 1), ("\n", 1)])
def test_at_a_terminal_it_is_asked_in_chinese(
    duban: Run, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    typing(monkeypatch, answer)
    found, out, _ = duban("report", "I4", "2026", "968")
    assert (found, "968%与2027年的目标97%相差悬殊，是不是96.8%。确认录入？（是/否）" in out) == (code, True)
    assert bool(peek_store(read_home(home).state("real")).events) is (code == 0)


def test_a_doubt_about_a_sensitive_value_shows_no_amount(duban: Run) -> None:
    assert duban("report", "T05-I2", "2025", "81234")[0] == 0
    code, out, err = duban("report", "T05-I2", "2026", "812")
    assert (code, "812" in out + err) == (2, False)


@pytest.mark.parametrize(
    ("typed", "shown"), [("-1.2", "-1.2"), ("９６．２", "96.2"), ("1e2", "100"), ("96.20%", "96.20"), ("－１", "-1")]
)
def test_numbers_are_understood_as_people_type_them(duban: Run, typed: str, shown: str) -> None:
    _, out, _ = duban("report", "I4", "2026", typed, "--yes", "--note", "-1.2的更正")
    assert out == f"已录入：高中阶段毛入学率 2026 {shown}%。\n"


def test_a_letter_with_a_doubtful_value_is_refused_unless_it_says_confirmed(home: Path) -> None:
    rulebook = read_home(home).rulebook
    assert rulebook is not None
    told = Observed(indicator="I4", period="2026", value=Decimal("968"))
    today = moment("2027-03-01").date()
    with pytest.raises(Refused, match=r"^I4 2026的数值与目标或往期相差悬殊，核对无误后写明 confirmed 再报$"):
        vetted(an_event(told, "2027-03-01 10:00"), rulebook, (), today, Facts())
    sure = an_event(told.model_copy(update={"confirmed": True}), "2027-03-01 10:00")
    assert vetted(sure, rulebook, (), today, Facts()).payload.value == 968  # type: ignore[attr-defined]


def test_a_final_value_of_a_period_that_has_not_begun_is_refused_before_anything_is_said(
    duban: Run, home: Path
) -> None:
    code, out, err = duban("report", "T05-I1", "2099Q1", "14.2")
    assert (code, out) == (2, "")
    code, out, err = duban("report", "I4", "2035", "98", "--yes")
    assert (code, out) == (2, "")
    assert "2035年1月1日才开始" in err
    assert peek_store(read_home(home).state("real")).facts.observations == {}

"""What is registered for a unit: heard with its next digest, never as a message of its own, and in the next month at the latest."""

from __future__ import annotations

from datetime import date

from bot.core.deciding.reasons import Reason
from bot.core.facts.events import Closed, Done, Extended, Silenced, Withdrawn
from tests.kit.builders import a_milestone, a_rulebook, moment
from tests.stories.timeline import Timeline

OTHER = a_milestone("T05-M2", "2027-03-22", title="另一项")


def a_story(*more: str, start: str = "2027-03-03") -> Timeline:
    story = Timeline(a_rulebook(a_milestone(due="2027-12-20"), *more), start=start)
    story.at(f"{start} 18:00")
    return story


def test_it_goes_along_with_the_next_digest_and_stands_last() -> None:
    story = a_story(OTHER)
    story.happens(Done(item="T05-M1"))
    story.at("2027-03-12 18:00")
    text = next(sent.text for sent in story.at("2027-03-15 18:00").sent if sent.draft.chat == "县教育局")
    assert text.index("临期") < text.index("二、已登记\n1. 国家评估认定（T05-M1）　已报办结，待核\n")


def test_without_a_digest_it_waits_for_the_next_month_and_says_only_the_latest() -> None:
    story = a_story()
    story.happens(Done(item="T05-M1"))
    assert story.reasons("T05-M1")["县教育局"] == "RIDING"
    story.at("2027-03-10 18:00")
    story.happens(Closed(item="T05-M1", by="秘书组"))
    story.at("2027-03-31 18:00").expect_nothing()
    passed = story.at("2027-04-01 18:00").expect("县教育局 汇总 T05-M1 已登记 REGISTERED")
    assert "已销号" in passed.text
    story.at("2027-12-31 18:00").expect_nothing()


def test_what_a_digest_said_already_is_not_said_again() -> None:
    story = a_story(OTHER)
    story.happens(Extended(item="T05-M2", to=date(2027, 3, 24), rule_due=date(2027, 3, 22), reason="等待", by="秘书组"))
    passed = story.at("2027-03-22 18:00")
    assert "时限3月24日（已延期），剩余" in passed.text
    assert "已登记" not in passed.text + story.at("2027-04-30 18:00").text


def test_a_silence_holds_it_and_what_is_withdrawn_is_not_said() -> None:
    story = a_story()
    story.happens(Done(item="T05-M1"))
    story.happens(Silenced(chat="县教育局", until=moment("2027-04-10 12:00"), reason="搬迁"))
    assert story.reasons("T05-M1")["县教育局"] == "SILENCED"
    story.at("2027-04-09 18:00").expect_nothing()
    story.happens(Withdrawn(what="done", item="T05-M1"))
    story.at("2027-04-30 18:00").expect_nothing()


def test_it_is_no_news_after_another_month() -> None:
    story = a_story()
    story.happens(Closed(item="T05-M1", by="秘书组"))
    story.off_until("2027-05-20 08:00")
    story.at("2027-12-31 18:00").expect_nothing()
    assert story.reasons("T05-M1")["县教育局"] == Reason.CLOSED.name


def test_who_is_above_and_heard_that_it_is_late_hears_that_it_was_put_off() -> None:
    """Riding like the rest, at the latest on the first sending day of the next month; who heard of no lateness hears nothing."""
    late, fine = a_milestone(due="2027-01-29"), a_milestone("T05-M2", "2027-06-30", title="另一项")
    story = Timeline(a_rulebook(late, fine, starts="2026-11-23"), start="2027-01-25")
    assert "领导小组" in {one.draft.chat for one in story.at("2027-04-02 18:00").sent}
    for item, due in (("T05-M1", date(2027, 1, 29)), ("T05-M2", date(2027, 6, 30))):
        story.happens(Extended(item=item, to=date(2027, 9, 30), rule_due=due, reason="等待", by="秘书组"))
    assert "领导小组" not in {one.draft.chat for one in story.at("2027-05-05 18:00").sent}
    [told] = [one.text for one in story.at("2027-05-06 18:00").sent if one.draft.chat == "领导小组"]
    assert "国家评估认定（T05-M1）　已延期至9月30日" in told
    assert "另一项" not in told

"""What a person typed as a reason is quoted as one short, harmless line."""

from __future__ import annotations

import pytest

from bot.core.facts.quoting import LONGEST, quoted


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("缺市级复核材料", "缺市级复核材料"),
        (" 缺材料。\r\n\u2028见附件； ", "缺材料。 见附件"),
        ("达标率96.2%，未到97%", "达标率96.2%，未到97%"),
        ("见https://evil.example/a?b=1。", "见（链接略）"),
        ("登录evil.example看", "登录evil．example看"),
        ("<@all>请**看**", "＜＠all＞请＊＊看＊＊"),
        ("问13912345678", "问…"),
        ("\u200b\u202e", ""),
        ("长" * 200, "长" * (LONGEST - 1) + "…"),
    ],
)
def test_a_reason_is_one_short_line(typed: str, shown: str) -> None:
    assert quoted(typed) == shown

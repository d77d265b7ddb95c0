"""The thresholds that hold on a day: the parameters of a signal's rule under the pack in force."""

from ledger.packs.model import Pack, RuleSetting
from ledger.signals.signal import EARLIER_RULE_OF, RULE_OF


def thresholds(pack: Pack, kind: str, day: str) -> dict[str, int] | None:
    """A kind's parameters on that day of China's; None where the pack has it not, or off."""
    names = RULE_OF[kind], EARLIER_RULE_OF.get(kind, "")
    setting: RuleSetting | None = next((pack.rules[name] for name in names if name in pack.rules), None)
    while setting is not None and not (setting.effective_from or day) <= day <= (setting.effective_to or day):
        setting = setting.otherwise
    return None if setting is None or setting.mode == "off" else setting.params

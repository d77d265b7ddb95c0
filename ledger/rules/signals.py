"""FRD, CUST-02: the thresholds of the signals (`ledger.signals`). Never asked at a gate: they raise alerts, no refusal.

A pack carries them as it does rules; `off` switches a signal off. `deadline_h`: in so many hours somebody has looked.
"""

from ledger.rules.rule import RULES, Case, Rule


def _never(case: Case) -> None:
    raise AssertionError(f"a signal is asked at no gate: {case.gate}")


def _signal(name: str, zh: str, en: str, basis: str, grade: str, *params: str) -> None:
    """Enter a signal's thresholds into `RULES`, with its deadline."""
    assert name not in RULES, f"{name} is defined twice"
    RULES[name] = Rule(name, (), zh, en, basis, grade, (), (*params, "deadline_h"), _never)


_POCKET = "通政办发〔2021〕67号 三(五)（严禁使用通用码、口袋码）；数值为工程取值"
_ONE_CODE = "通政办发〔2021〕67号 三(五)“一瓶一码一印”；数值为工程取值"
_WHOLE = "通政办发〔2021〕67号 三(四)（从充装、配送到用户全流程追踪）；数值为工程取值"
_OURS = "本账本规则（行业做法）；数值为工程取值"

_signal(
    "CUST-02@1", "同一编码在两处：流转一再矛盾，疑似克隆", "one code at two places: custody contradicted again",
    _ONE_CODE, "A", "conflicts", "window_days",
)  # fmt: skip
_signal("FRD-01@1", "短时间内重复充装", "filled again too soon", _POCKET, "A", "household_h", "restaurant_h", "drop_g")
_signal(
    "FRD-02@1", "未经流转的重复充装（一扫一充）", "filled again though it never left, or its returns keep missing",
    _WHOLE, "A", "times", "window_days", "drop_g",
)  # fmt: skip
_signal("FRD-03@1", "充装过于频繁", "filled too often", _POCKET, "A", "household", "restaurant", "window_days")
_signal("FRD-04@1", "起始重量低于皮重", "it weighed less than its tare", _ONE_CODE, "A", "below_g", "below_percent")
_signal(
    "FRD-05@1", "空瓶重量分为两组，疑似两只瓶", "its start weights fall into two groups: two bodies", _ONE_CODE, "A",
    "apart_g", "tight_g", "fills", "each",
)  # fmt: skip
_signal(
    "FRD-06@1", "重量与登记型号不符", "no cylinder of its model weighs that", _ONE_CODE, "A", "above_g", "below_percent"
)
_signal("FRD-07@1", "码印不符", "another code or stamp on the body", _ONE_CODE, "A", "times", "window_days")
_signal("FRD-08@1", "短时间内出现在两地", "at two places within minutes", _ONE_CODE, "A", "site_min", "door_min")
_signal(
    "FRD-09@1", "同样的编码次序再次出现", "the same codes in the same order again", _POCKET, "A", "codes", "apart_h"
)
_signal("FRD-10@1", "一人同时在多台秤充装", "one person at several scales at once", _POCKET, "A", "scales", "within_s")
_signal(
    "FRD-11@1", "罐次质量不平衡", "what was filled from a tank lot is not what was in it",
    "全椒等地查处做法（气量倒查）；数值为工程取值", "B", "permille", "max_kg",
)  # fmt: skip
_signal(
    "FRD-12@1", "秤的流水号缺失", "numbers of the scale's counter are missing",
    "DB4114/T 185-2023 4.10；数值为工程取值", "B", "open_h",
)  # fmt: skip
_signal(
    "FRD-13@1", "非营业时间充装", "filled outside hours", "江苏“阳光充装”做法；数值为工程取值", "B", "from_h", "to_h"
)
_signal(
    "FRD-14@1", "一人包办查、充、检，间隔过短", "one person checks, fills and checks again within seconds", _OURS, "C",
    "within_s", "least", "permille",
)  # fmt: skip
_signal(
    "FRD-15@1", "以车代库、囤瓶", "full ones rest on a vehicle, or a household holds too many",
    "萧山“数治瓶安”囤瓶预警；溧水实施意见 附件3-22；数值为工程取值", "B", "vehicle_h", "household",
)  # fmt: skip
_signal(
    "FRD-16@1", "交付重量少于充装重量（瘦身）", "lighter at the door than filled", _OURS, "C", "loss_g", "large_loss_g"
)
_signal(
    "FRD-17@1", "检验过快或测值雷同", "too many inspections a day, or the same values over and over",
    "通政办发〔2021〕67号 三(三)（严禁报告弄虚作假）；数值为工程取值", "A", "per_day", "least", "same_percent",
)  # fmt: skip
_signal(
    "FRD-08@2",
    "短时间内出现在两地",
    "at two places within minutes",
    _ONE_CODE,
    "A",
    "site_min",
    "door_min",
    "cross_min",
)
_signal(
    "FRD-15@2", "以车代库、跨区、囤瓶",
    "full ones rest on a vehicle or with a worker, go where the seller may not sell, or a household holds too many",
    "溧水实施意见 二(四)、附件3-22；萧山“数治瓶安”囤瓶预警；数值为工程取值", "A", "vehicle_h", "worker_h", "household",
)  # fmt: skip
_signal(
    "FRD-17@2", "检验过快或测值雷同", "too many inspections a day, or the same values over and over",
    "通政办发〔2021〕67号 三(三)（严禁报告弄虚作假）；数值为工程取值", "A",
    "per_day", "station_per_day", "least", "same_percent",
)  # fmt: skip
_signal("FRD-18@1", "换标过多", "too many labels changed", _ONE_CODE, "A", "permille", "least", "window_days")
_signal(
    "FRD-20@1", "逾期从未检验却在充装", "filled though nobody inspected it in time", _ONE_CODE, "A", "interval_months"
)
_signal(
    "FRD-21@1", "隐患消除后逾期未恢复供气", "supply not resumed in time though the hazard is gone",
    "河南省城镇燃气管理办法 第十七条（隐患消除后24小时内恢复供气）；溧水实施意见 二(六)", "A", "resume_h",
)  # fmt: skip

"""Words for answers: kinds, facts, statuses, what a check may find wrong."""

from ledger.checklists import ITEM_NAMES
from ledger.trace.origin import What

# fmt: off
FACTS: dict[What, tuple[str, str]] = {
    "maker": ("制造单位", "maker"),               "serial": ("出厂编号", "serial"),
    "made_month": ("制造年月", "made"),           "owner": ("产权单位", "owner"),
    "use_registration": ("使用登记证", "use registration"), "station": ("充装站", "filling station"),
    "line": ("充装秤", "filling line"),           "tank_lot": ("罐次", "tank lot"),
    "net_g": ("净重（克）", "net (g)"),           "lawful": ("合法充装", "lawful fill"),
    "filler": ("充装人员", "filler"),             "pre_checker": ("排检人员", "pre-checker"),
    "authorised_by": ("申请充装人员", "asked leave to fill"), "post_checker": ("充装后检查人员", "post-checker"),
    "releaser": ("放行人员", "releaser"),         "seal": ("封签", "seal"),
    "valve": ("阀门编号", "valve"),               "inspection_site": ("检验机构站点", "inspected at"),
    "inspector": ("检验人员", "inspector"),       "reviewer": ("检验审核人员", "inspection reviewer"),
    "inspected_on": ("检验日期", "inspected on"), "inspection_passed": ("检验合格", "inspection passed"),
    "worker": ("送气工", "delivery worker"),      "vehicle": ("车辆", "vehicle"),
    "customer": ("用户", "customer"),             "premises": ("用气场所", "premises"),
    "contract": ("供用气合同", "contract"),       "presupply_check": ("通气前检查", "pre-supply check"),
    "home_check": ("入户安检", "home check"),     "delivery_check": ("随瓶安检", "delivery check"),
    "hazard": ("未闭环隐患", "open hazard"),      "hazard_assigned": ("隐患五定", "hazard assigned"),
    "hazard_escalated": ("已上报属地", "told to the town"), "hazard_rectified": ("已整改待复查", "rectified"),
    "hazard_rechecked": ("复查未通过", "re-check failed"), "suspension": ("暂停供气", "supply suspended"),
    "notice": ("曾告知的隐患", "told of a hazard"), "hazard_closed": ("隐患已闭环", "hazard closed"),
    "refused": ("曾拒绝", "refused"),             "not_delivered": ("曾未交付", "not delivered"),
    "recall": ("召回", "recall"),                 "drill": ("召回演练", "recall drill"),
    "recall_closed": ("召回已关闭", "recall closed"), "incident": ("事故冻结", "held for an incident"),
    "incident_lifted": ("事故冻结已解除", "hold lifted"),
}
KINDS: dict[str, tuple[str, str]] = {
    "cylinder": ("气瓶", "cylinder"),   "code": ("外来瓶编码", "unregistered code"), "customer": ("用户", "customer"),
    "premises": ("用气场所", "premises"), "person": ("人员", "person"),             "vehicle": ("车辆", "vehicle"),
    "site": ("站点", "site"),           "line": ("充装秤", "filling line"),        "tank_lot": ("罐次", "tank lot"),
    "enterprise": ("单位", "enterprise"), "building": ("楼栋", "building"),
}
"""The kinds of what has a story."""
KINDS_ZH = {
    "enterprise": "单位", "permit": "许可", "site": "站点", "line": "充装秤", "calibration": "检定证书",
    "person": "人员", "certificate": "证书", "tank_lot": "罐次", "insurance": "保险", "vehicle": "车辆",
    "pairing": "人车对应", "customer": "用户", "premises": "用气场所", "contract": "供用气合同",
    "voucher": "供气使用凭证", "proxy": "代收委托", "order": "订单", "cylinder": "气瓶", "code": "外来瓶",
    "use_registration": "使用登记证", "building": "楼栋", "blacklisting": "黑名单", "product": "产品",
}
"""Kinds of what is on record, and of what holds cylinders."""
ITEMS_ZH: dict[str, str] = {item: zh for item, (zh, _) in ITEM_NAMES.items()}
"""What a check at a customer's may find wrong."""
STATUS_ZH = {
    "valid": "有效", "suspended": "暂停", "revoked": "吊销", "active": "在职", "left": "离职", "in_service": "在用",
    "out_of_service": "停用", "spare": "备用", "open": "正常", "closed": "关闭", "released": "已放行",
    "received": "已接收", "blocked": "已封存", "emptied": "已用完", "ended": "已终止", "cancelled": "已注销",
    "done": "已完成", "filler": "充装单位", "inspection_body": "检验机构", "supplier": "气源单位",
    "manufacturer": "制造单位", "carrier": "运输单位", "filling": "充装", "inspection": "检验",
    "gas_business": "燃气经营", "transport": "危货运输", "manufacture": "制造", "supply": "供气",
    "filling_station": "充装站", "depot": "储配站", "supply_station": "供应站", "scale": "充装秤",
    "carousel": "转盘秤", "delivery": "送气", "driver": "驾驶员", "escort": "押运员", "management": "管理",
    "resident": "居民", "non_resident": "非居民", "restaurant": "餐饮", "school": "学校", "hospital": "医院",
    "hotel": "宾馆", "inn": "旅社", "market": "市场", "mixed_use": "商住混用", "group_rental": "群租房",
    "homestay": "民宿", "canteen": "食堂", "industrial": "工业", "other": "其他", "dg_truck": "危货车",
    "tricycle": "三轮车", "e_bicycle": "电动自行车", "signed": "用户已签收", "refused": "用户拒签",
    "absent": "用户不在", "hazard": "有隐患", "refused_to_rectify": "拒不整改", "unsafe_premises": "场所不安全",
    "diversion": "转供", "incident": "事故", "unknown": "去向不明", "quarantined": "已隔离", "listed": "已列入",
    "removed": "已移出", "in_force": "生效", "lifted": "已解除", "current": "在营", "withdrawn": "已停营",
    "sealed": "查封", "detained": "扣押", "person": "人员", "enterprise": "单位", "maker": "制造单位产品", "yes": "是",
    "no": "否", "incomplete": "检查不完整", "-": "未发现问题",
}
"""Words of claims: status, kinds, notices, causes."""
# fmt: on

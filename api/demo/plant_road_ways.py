"""The ways of going wrong on the road and at the door that the demo plants, each with the one rule that must answer."""

from api.demo.way import Way

ROAD_WAYS = {
    # who sells, who brings, on what
    "pedlar": Way(
        "ENT-01", "无燃气经营许可的个体送气", "sold by somebody without a gas permit", ("CUST-01", "USR-02", "FILL-12")
    ),
    "nobody_sells": Way(
        "ENT-01", "单位不明的人送气", "brought by somebody whom nobody employs", ("DEL-02", "DEL-04", "USR-02")
    ),
    "unknown_vehicle": Way("DEL-01", "未登记车辆装车", "onto a vehicle that nobody registered", ("DEL-04",)),
    "unpermitted_truck": Way("DEL-01", "无危货运输许可的货车", "onto a truck without a transport permit", ("DEL-04",)),
    "too_small": Way("DEL-01", "超载", "more than the vehicle bears"),
    "lapsed_worker": Way("DEL-02", "送气工证书过期", "a delivery worker whose certificate has expired"),
    "barred_worker": Way("DEL-03", "黑名单送气工", "a delivery worker on the blacklist"),
    "uncontracted": Way("DEL-03", "未签劳动合同的送气工", "a delivery worker without a labour contract"),
    "wrong_pair": Way("DEL-04", "人车不符", "another worker's vehicle"),
    "out_of_area": Way("DEL-04", "超出配送范围", "outside the worker's area"),
    "offline": Way("DEL-06", "断网时交付", "handed over while the line was down"),
    # the customer
    "unverified": Way("USR-01", "用户未实名", "a customer whose name nobody verified"),
    "unknown_customer": Way("USR-01", "未登记的用户", "a customer whom nobody filed", ("USR-02", "USR-04")),
    "contractless": Way("USR-02", "无供用气合同", "no supply contract"),
    "no_presupply": Way("USR-03", "新合同未做通气前检查", "a new contract, never checked before supply"),
    "no_check": Way("USR-04", "未做随瓶安检", "no delivery check"),
    "half_check": Way("USR-04", "随瓶安检漏项", "a delivery check with items left out"),
    "wrong_code": Way("USR-04", "验证码错误", "the customer's code was wrong"),
    "late_code": Way("USR-04", "验证码超时", "the customer's code came late"),
    "leak_found": Way("USR-05", "随瓶安检发现泄漏", "the delivery check itself finds a leak"),
    "open_hazard": Way("USR-05", "漏气隐患未闭环", "a leak is open there"),
    "supply_suspended": Way("USR-05", "他企业已暂停供气", "another enterprise suspended supply there"),
    "other_resumes": Way("USR-06", "非原企业恢复供气", "resumed by another than who suspended it"),
    "never_suspended": Way("USR-06", "未暂停却恢复", "resumed where nobody suspended"),
    "resumed_unsafe": Way("USR-06", "隐患未闭环就恢复", "resumed while a leak is open"),
    "cellar": Way("USR-07", "半地下用气", "gas used half underground"),
    "over_100kg": Way("USR-08", "餐馆存瓶超100公斤无气瓶间", "over 100 kg in a restaurant without a cylinder room"),
    "no_alarm": Way("USR-09", "餐馆无报警切断装置", "a restaurant without an alarm"),
    "rubber_hose": Way("USR-10", "橡胶软管", "a rubber hose"),
    "converted": Way("USR-11", "新增住改商", "a ground floor newly made into a business"),
    "self_pickup": Way("USR-12", "用户自提", "fetched by the customer"),
    "hoarder": Way("USR-13", "居民囤瓶", "a household with too many"),
    "adjustable": Way("USR-14", "可调调压器", "an adjustable regulator"),
    "wrong_order": Way("ORD-01", "订单不存在", "an order that nobody filed"),
    "closed_premises": Way("PREM-01", "场所已停用", "premises that are closed"),
    # hazards
    "hazard_unknown": Way("HAZ-01", "整改不存在的隐患", "put right a hazard that nobody opened"),
    "unrectified": Way("HAZ-01", "未整改就复查合格", "re-checked before anybody put it right"),
    "self_recheck": Way("HAZ-01", "整改人自己复查", "re-checked by whoever put it right"),
    "no_notice": Way("HAZ-01", "告知书未附", "the signed notice is not shown"),
    "half_home_check": Way("HAZ-02", "入户安检漏项", "a home check with items left out"),
    # where it was, and what was called back
    "ghost_unload": Way("CUST-01", "车上没有的瓶卸车", "unloaded from a vehicle that never had it"),
    "lost": Way("LOST-01", "报失的瓶重现", "reported lost, and here again"),
    "recalled_line": Way("RECALL-01", "按秤位与时段召回", "of a recalled scale and window"),
    "recalled_lot": Way("RECALL-01", "按罐次召回", "of a recalled tank lot"),
    "recalled_inspector": Way("RECALL-01", "按检验员与日期召回", "of a recalled inspector's day"),
    "recalled_worker": Way("RECALL-01", "按送气工召回", "of a recalled delivery worker", ("FILL-11",)),
    "phone_skew": Way("DATA-01", "手机时间错误", "a phone whose clock is hours off"),
    "frozen": Way("HOLD-01", "事故冻结的库存装车", "loaded from stock that an incident froze"),
}

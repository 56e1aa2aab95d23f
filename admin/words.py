"""用语: how the desk calls roles, statuses and reasons (one term each, ux.md 4.3)."""

from admin.columns import Word
from backend.campaigns import why
from backend.campaigns.models import CampaignState, GrantState, WaveState
from backend.campaigns.programmes import PROGRAMMES
from backend.coupons.kinds import CouponKind
from backend.coupons.models import CouponState
from backend.members.models import CardState, CustomerClass, Gender
from backend.merchants.models import Role
from backend.messaging.models import Channel, IntentState, Outcome, Purpose
from backend.points.models import EntryKind as PointsKind
from backend.sales.bill import Method
from backend.wallet.models import EntryKind as WalletKind

EXPIRED = "expired"

ROLES: dict[str, str] = {
    Role.OPERATOR: "运营者",
    Role.OWNER: "商家负责人",
    Role.MARKETING: "营销",
    Role.STORE_MANAGER: "店长",
    Role.CASHIER: "收银",
    Role.VERIFIER: "核销员",
    Role.READ_ONLY: "只读",
}
CAMPAIGN_KINDS: dict[str, str] = {kind: each.label for kind, each in PROGRAMMES.items()}
CAMPAIGN_STATES: dict[str, Word] = {
    CampaignState.DRAFT: Word("草稿"),
    CampaignState.RUNNING: Word("启动中", "ok"),
    CampaignState.PAUSED: Word("暂停中", "warn"),
    CampaignState.ENDED: Word("已结束"),
}
WAVE_STATES: dict[str, Word] = {
    WaveState.PLANNED: Word("待发放", "info"),
    WaveState.RUNNING: Word("发放中", "warn"),
    WaveState.DONE: Word("已完成", "ok"),
    WaveState.MISSED: Word("已错过", "bad"),
}
GRANT_STATES: dict[str, Word] = {
    GrantState.OPEN: Word("待领取", "info"),
    GrantState.LINKED: Word("待扫码", "info"),
    GrantState.CLAIMED: Word("已领取", "ok"),
    GrantState.LAPSED: Word("已失效"),
    GrantState.REVOKED: Word("已作废"),
}
REASONS: dict[str, str] = {reason.value: text for reason, text in why.TEXTS.items()}
COUPON_KINDS: dict[str, str] = {kind.value: kind.label for kind in CouponKind}
COUPON_STATES: dict[str, Word] = {
    CouponState.USABLE: Word("未使用", "ok"),
    CouponState.LOCKED: Word("锁定中", "warn"),
    CouponState.GIFTING: Word("赠送中", "info"),
    CouponState.REDEEMED: Word("已核销", "info"),
    CouponState.REVOKED: Word("已作废"),
    EXPIRED: Word("已过期"),
}
CLASSES: dict[str, str] = {
    CustomerClass.NEW: "新客",
    CustomerClass.ORDINARY: "普通客",
    CustomerClass.LOYAL: "忠诚客",
}
GENDERS: dict[str, str] = {Gender.MALE: "男", Gender.FEMALE: "女", Gender.UNKNOWN: "未知"}
JOINED_BY: dict[str, str] = {
    "follow": "关注公众号",
    "login": "小程序登录",
    "miniprogram": "小程序登录",
    "import": "批量导入",
    "pos": "收银台",
    "h5": "微信网页",
    "mall": "商城购券",
}
PURPOSES: dict[str, str] = {
    Purpose.COUPON_RECEIVED: "券到账",
    Purpose.COUPONS_WAITING: "有券待领取",
    Purpose.COUPON_EXPIRING: "券即将到期",
    Purpose.COUPON_REDEEMED: "券已核销",
    Purpose.GIFT_RECEIVED: "收到赠送的券",
    Purpose.GIFT_TAKEN_BACK: "赠送已收回",
    Purpose.CONSUMPTION_COMPLETE: "消费完成",
    Purpose.POINTS_CHANGED: "积分变动",
    Purpose.LEVEL_CHANGED: "等级变动",
    Purpose.BALANCE_CHANGED: "余额变动",
    Purpose.MALL_PURCHASE: "商城购券",
    Purpose.CAMPAIGN_NEWS: "活动通知",
    Purpose.VERIFICATION_CODE: "验证码",
}
CHANNELS: dict[str, str] = {
    Channel.SUBSCRIBE: "订阅消息",
    Channel.TEMPLATE: "公众号模板消息",
    Channel.CUSTOM: "公众号客服消息",
    Channel.SMS: "短信",
}
INTENT_STATES: dict[str, Word] = {
    IntentState.DUE: Word("待发送", "info"),
    IntentState.HELD: Word("恢复后暂停", "warn"),
    IntentState.SENDING: Word("发送中", "warn"),
    IntentState.SENT: Word("已发送", "ok"),
    IntentState.FAILED: Word("发送失败", "bad"),
    IntentState.UNKNOWN: Word("结果未知", "warn"),
    IntentState.EXPIRED: Word("已过时效"),
    IntentState.UNREACHABLE: Word("暂时联系不上"),
}
OUTCOMES: dict[str, str] = {
    Outcome.ACCEPTED: "已送达微信",
    Outcome.UNREACHABLE: "无法送达，改用其他渠道",
    Outcome.REFUSED: "被拒绝",
    Outcome.RETRY: "稍后重试",
    Outcome.UNKNOWN: "已发出，未收到结果",
}
POINTS_KINDS: dict[str, Word] = {
    PointsKind.EARN: Word("获得", "ok"),
    PointsKind.SPEND: Word("使用", "info"),
    PointsKind.REVERSE: Word("冲回", "warn"),
    PointsKind.ADJUST: Word("调整"),
    PointsKind.EXPIRE: Word("过期"),
    PointsKind.JOIN: Word("合并"),
}
WALLET_KINDS: dict[str, Word] = {
    WalletKind.RECHARGE: Word("充值", "ok"),
    WalletKind.PAY: Word("支付", "info"),
    WalletKind.REFUND: Word("退款", "warn"),
    WalletKind.REVERSE: Word("撤销充值", "warn"),
    WalletKind.ADJUST: Word("调整"),
    WalletKind.JOIN: Word("合并"),
}
CARD_STATES: dict[str, Word] = {
    CardState.NORMAL: Word("正常", "ok"),
    CardState.FROZEN: Word("已冻结", "warn"),
    CardState.DESTROYED: Word("已销毁"),
}
TENDERS: dict[str, str] = {method.value: method.label for method in Method}
LEVEL_MATCH: dict[str, str] = {"any": "满足任意一项", "all": "全部满足"}
LEVEL_PERIOD: dict[str, str] = {"all": "累计", "12_months": "近12个月"}
LEVEL_KEEP: dict[str, str] = {"none": "不保级", "month": "每月评定", "year": "每年评定"}
AUDIT_ACTIONS: dict[str, str] = {
    "setup.make": "设置文件新建",
    "setup.change": "设置文件修改",
    "staff.create": "新建员工",
    "staff.reset": "重置密码",
    "staff.password": "修改自己的密码",
    "staff.save": "修改员工",
    "staff.deactivate": "停用员工",
    "staff.activate": "启用员工",
    "operator.enter": "运营者进入商家",
    "export": "导出",
    "campaign.save": "保存活动",
    "campaign.start": "启动活动",
    "campaign.pause": "暂停活动",
    "campaign.end": "结束活动",
    "template.save": "保存券模板",
    "template.archive": "停用券模板",
    "template.restore": "启用券模板",
    "coupon.revoke": "作废券",
    "member.save": "修改会员",
    "member.phone": "查看完整手机号",
    "member.level": "调整会员等级",
    "member.points": "增减会员积分",
    "level.save": "保存会员等级",
    "level.move": "调整等级顺序",
    "level.delete": "删除会员等级",
    "level.rules": "修改等级规则",
    "recharge.save": "保存充值规则",
    "recharge.reverse": "撤销充值",
    "card.bind": "绑定实体卡",
    "card.frozen": "冻结实体卡",
    "card.normal": "解冻实体卡",
    "card.destroyed": "销毁实体卡",
    "store.save": "保存门店",
    "mall.save": "保存商城店铺",
    "mall.send_again": "重新通知商城",
    "merchant.save": "保存商家信息",
    "verifier.invite": "邀请核销员",
    "verifier.unbind": "解绑核销员",
    "price.change": "手动批价",
    "bill.member": "补记会员",
    "bill.handle": "处理未入账账单",
    "payment.return": "退回顾客扫码支付的款",
}
AUDIT_FIELDS: dict[str, str] = {
    "active": "启用",
    "address": "地址",
    "amount_fen": "金额",
    "app_id": "微信应用",
    "audience": "人群",
    "bonus_fen": "赠金",
    "callback_url": "回调地址",
    "claim_window": "领取时间",
    "code": "编码",
    "colour": "颜色",
    "contact": "联系人",
    "coupons": "送的券",
    "description": "说明",
    "discount_bp": "折扣（万分之）",
    "ends_on": "结束日期",
    "fields": "消息字段",
    "giftable": "可以赠送",
    "hours": "时段",
    "introduction": "介绍",
    "kind": "种类",
    "latitude": "纬度",
    "longitude": "经度",
    "login": "账号",
    "manual_fen": "手动批价",
    "minimum_fen": "使用门槛",
    "member": "会员编号",
    "name": "名称",
    "note": "备注",
    "notice": "收银提示",
    "online_activity": "算作线上活动",
    "page": "打开的页面",
    "parts": "各类客户",
    "payment": "商户单号",
    "per_member": "每人限领",
    "phone": "电话",
    "points": "积分",
    "position": "顺序",
    "principal_fen": "本金",
    "reason": "原因",
    "rights": "权益",
    "role": "角色",
    "rounding_fen": "每单最多抹零",
    "rule": "优惠",
    "rules": "规则",
    "starts_on": "开始日期",
    "state": "状态",
    "stock": "发放总量",
    "store": "门店",
    "stores": "门店范围",
    "tags": "标签",
    "template_id": "消息模板",
    "timetable": "发放时间",
    "title": "券名称",
    "to_pay_fen": "应付",
    "upgrade": "升级条件",
    "validity": "有效期",
    "weekdays": "可用星期",
}
AUDIT_ACTORS: dict[str, str] = {"command": "命令行"}
AUDIT_ORIGINS: dict[str, str] = {
    "setup apply": "设置文件",
    "staff create": "新建员工命令",
    "staff reset": "重置密码命令",
    "demo": "演示数据",
}
_SUBJECTS: dict[str, str] = {
    "campaign": "活动",
    "level": "会员等级",
    "mall shop": "商城店铺",
    "merchant": "商家",
    "message": "消息",
    "operator": "运营者",
    "pos key": "收银密钥",
    "staff": "员工",
    "store": "门店",
    "template": "券模板",
    "verifier": "核销员",
    "wechat": "微信应用",
    "wechat_pay": "微信支付商户号",
}
"""How what commands and the set-up file changed is called in the log."""


def audit_subject(subject: str) -> str:
    """``staff boss`` → ``员工 boss``; ``message coupon_redeemed/template`` → its words."""
    kind = max((k for k in _SUBJECTS if f"{subject} ".startswith(f"{k} ")), key=len, default=None)
    if kind is None:
        return subject
    name = subject[len(kind) :].strip()
    purpose, slash, channel = name.partition("/")
    if kind == "message" and slash:
        name = f"{PURPOSES.get(purpose, purpose)} · {CHANNELS.get(channel, channel)}"
    return f"{_SUBJECTS[kind]} {name}".strip()


def labels(words: dict[str, Word]) -> dict[str, str]:
    """The words of badges, without their colours."""
    return {value: word.label for value, word in words.items()}

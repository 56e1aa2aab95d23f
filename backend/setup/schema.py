"""设置文件: the whole file, section by section (spec/09)."""

from backend.setup.section import Name, Section
from backend.setup.sections.campaigns import CampaignEntry
from backend.setup.sections.levels import LevelEntry
from backend.setup.sections.messages import MessageEntry
from backend.setup.sections.profile import Profile
from backend.setup.sections.staff import OperatorStaffEntry, StaffEntry
from backend.setup.sections.stores import StoreEntry
from backend.setup.sections.templates import TemplateEntry
from backend.setup.sections.wechat import WechatEntry
from backend.setup.sections.wechat_pay import WechatPayEntry


class OperatorEntry(Section):
    """运营者: who runs the deployment, and the OA its merchants share."""

    name: Name | None = None
    staff: list[OperatorStaffEntry] = []
    wechat: list[WechatEntry] = []


class MerchantEntry(Profile):
    """商家."""

    wechat: list[WechatEntry] = []
    wechat_pay: WechatPayEntry | None = None
    stores: list[StoreEntry] = []
    staff: list[StaffEntry] = []
    levels: list[LevelEntry] = []
    templates: list[TemplateEntry] = []
    campaigns: list[CampaignEntry] = []
    messages: list[MessageEntry] = []


class SetupFile(Section):
    """运营者 and 商家."""

    operator: OperatorEntry | None = None
    merchants: list[MerchantEntry] = []

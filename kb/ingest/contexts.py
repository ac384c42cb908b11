"""What the words just before a number say it is: an order, a card, an identity card, a telephone."""

from __future__ import annotations

import re

_LINK = (
    r"(?:\s|:|=|#|\.|,|-|\"|「|“|\(|\[|、|号码|號碼|编号|編號|号|號|码|碼|\'s(?![a-z])|(?<![a-z])(?:number|num|no|nr|code|id|ref"
    r"|reference|is|was|it's|its|that's|would be|uh|um|er)(?![a-z])|是|为|為|嗯|啊|呃|那个|那個|就是|应该|應該){0,9}$"
)
_ORDER = re.compile(
    r"(?:订单|訂單|单号|單號|单编号|编号|編號|流水号|流水號|序列号|序列號|序号|序號|型号|型號|批次|批号|货号|貨號|款号"
    r"|条码|條碼|条形码|串号|机身号|(?<!手)机号|物流|快递|快遞|运单|運單|工单|工單|发票号|發票號|票号|版本|固件|日期"
    r"|验证码|驗證碼|取件码|提货码|券码|优惠码|兑换码|机器码|设备号|服务单|维修单|安装单|合同号|受理号|保单号"
    r"|(?<![a-z])(?:(?:order|tracking|s/?n|serial|imei|sku|rma|ref|reference|ticket|invoice|consignment|waybill|awb"
    r"|model|version|firmware|po|voucher|promo|coupon|barcode|policy|contract|confirmation|verification)(?![a-z])|(?:case|part|booking|batch|job|parcel|claim|delivery)"
    r"\s*(?:number|no\b|id\b|ref|#)))" + _LINK,
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:代码|代碼|错误码|錯誤碼|故障码|故障碼|错误|錯誤|故障|报错|報錯|(?<![a-z])(?:error|fault|(?<!area )(?<!post)"
    r"(?<!post )(?<!zip )(?<!sort )(?<!country )(?<!dialling )(?<!dial )code)s?(?![a-z]))" + _LINK,
    re.IGNORECASE,
)
_CARD = re.compile(
    r"(?<!会员)(?<!會員)(?<!礼品)(?<!购物)(?:卡号|卡號|银行卡|銀行卡|信用卡|储蓄卡|借记卡|账号|帳號|賬號|帐号|账户|賬戶"
    r"|帳戶|存折|(?<![a-z])(?:card|debit|credit|visa|mastercard|amex|account|iban)(?![a-z]))[^\d]{0,20}$",
    re.IGNORECASE,
)
_IDENTITY = re.compile(
    r"(?:身份证|身分證|身份證|身分证|证件|證件|(?<![a-z])(?:id card|identity|id number|id no|nric|hkid|passport"
    r"|national insurance|ni number|social security|ssn)(?![a-z]))[^\d]{0,16}$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?:电话|電話|手机|手機|号码|號碼|联系|聯繫|联络|聯絡|座机|座機|致电|回电|回電|打给|拨打|撥打|微信|传真|傳真"
    r"|(?<![a-z])(?:tel|phone|mobile|mob|cell|landline|call|ring|text|whatsapp|fax|reach me|dial|number)(?![a-z]))"
    r"[^\d]{0,16}$",
    re.IGNORECASE,
)


def _before(text: str, start: int) -> str:
    return text[max(0, start - 40) : start]


def follows_order_word(text: str, start: int) -> bool:
    """Whether what starts at `start` is introduced as an order, serial, tracking or model number."""
    return bool(_ORDER.search(_before(text, start)))


def follows_code_word(text: str, start: int) -> bool:
    """Whether what starts at `start` is introduced as an error or other code; a mobile number may still follow."""
    return bool(_CODE.search(_before(text, start)))


def follows_card_word(text: str, start: int) -> bool:
    """Whether what starts at `start` is introduced as a bank card or account."""
    return bool(_CARD.search(_before(text, start)))


def follows_identity_word(text: str, start: int) -> bool:
    """Whether what starts at `start` is introduced as an identity document."""
    return bool(_IDENTITY.search(_before(text, start)))


def follows_phone_word(text: str, start: int) -> bool:
    """Whether what starts at `start` is introduced as a telephone number."""
    return bool(_PHONE.search(_before(text, start)))

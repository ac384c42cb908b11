"""Wanting a human, said in Chinese: in characters, with characters of the same sound, or typed as pinyin."""

from __future__ import annotations

import re

from pypinyin import Style, lazy_pinyin

_HUMAN = (
    r"(?:人工(?![智增续心翻充发挡费成草湖降授呼岛关])|真人|活人|真的人|真正的人|会说话的人|客服|客户服务员?|坐席|座席|专员(?!.{0,2}(?:服务费|上门))|专人(?![配看送专])|接线员|话务员|工作人员|服务人员"
    r"|客服人员|员工|职员|同事|经理|主管|领导|负责人|店长|老板|上级|值班|管事|当班|做主|人类|活的|二线|售后(?!服务政策|政策|单|卡|码|点|网点|流程|期)|技术人员|值班人员|上司|高级别的?人|更高级|明白人|喘气的|会说人话的|听得懂|小姐姐|小哥)"
)
_BARE = (
    r"(?:人工|真人|活人|客服|人工客服|真人客服|在线客服|人工服务|真人服务|客服服务|人工坐席|人工座席|坐席|座席|客服专员"
    r"|人工专员|专员|客服人员|二线客服|高级客服|人工台|客户服务|客服部|接线员|人工在线|人工热线|人工台|客服小姐姐|经理|主管|领导|负责人)"
)
_PERSON = r"(?:(?<![0-9三两几多四五]个)(?<![别家老本客商法证病名用成机工众某熟路旁三二两几他此军私男女游黑路])人)"
"""Somebody, but not 别人, 家人, 本人 and their like."""
_STOP = r"(?![乘民币检感提智脸民体员气数像声感参品名们家物费防])"
_ONE = r"(?:返|你哋|专门|更|别的|真正的?|一线|一?[个位名些]|一下|下|点|你们?的?|贵司|公司|我|咱|到|给|接|去|至|成|为|交|回|过|能|可以|帮|让|随便|真的?|其他|另外?|会|懂|的|听得?|人|话|思考)"
_SAY = r"(?:说|讲|聊|谈|对话|沟通|通话|交流|倾|打字|联系|直接)"
_MACHINE = r"(?:机器人?+|机械人|人机|ai|智能客服|电脑|程序|自动回复|录音|系统|语音助手|bot|robot)"
_NOT = r"(?:不要|不想|不跟|不和|不与|唔要|唔想|唔好|别|甭|拒绝|少|莫|不需要|不是|讨厌|受够)"
_PRODUCT = r"(?!.{0,1}(?:吸尘|拖地|扫地|擦窗|割草|玩具|套装|手臂))"

ASKING = re.compile(
    r"多少钱|收费|费用|要钱|另外?收|加钱|几点|时间|营业|上下?班|下班|几号|号码|电话(?:是|多少|几|在哪|$|能?打)|热线"
    r"|邮箱|信箱|地址|权限|账号|帐号|帐户|账户|工单|系统|配置|设置|接入|添加|新增|增加|数量|多久|几天|要几|怎么转接来电|专车"
    r"|什么意思|区别|骗|验证码|真假|冒充|管理员|审核|审批|折扣|优惠|资料|材料|文件|签字|到府|上门|态度|改期|预约|发票"
    r"|说三天|答应|承诺|说要|说了要|变更|导[入出]|出来的|能看|看到|看得|会员|模板|隐藏|续费|关节|认证|发音|朗读|声音|头像|密室|假?发"
)
"""What an ordinary question about people asks: prices, hours, numbers, rights, what was promised."""

_TRANSFER = re.compile(
    rf"转(?:接|给|到|交|至|去|回|成|驳|相关|有关)*{_ONE}{{0,4}}(?:{_HUMAN}|人$|人[来说聊])"
    rf"|(?:接通?|换|切换?|进入?|升级){_ONE}{{0,4}}{_HUMAN}|(?<![么何以能机])转接(?:一下)?$|升级(?:处理|投诉|上报|到(?:二线|上级|主管|经理|专员))|(?:找|上报)上级"
    r"|^请?(?:帮我)?转人(?!民|账).?$|^[转装][人认仁](?!民|账|物|像|设)|^专[人认仁](?:工|.?$)"
)
_CALL = re.compile(
    rf"(?:找|叫|喊|换|要|来|上|接|派|请|安排|联系|给我|给|畀|呼叫|召唤|让|[搵揾]|想问|问|见|申请|请求|改由|由|俾|需要|需|联络|反映){_ONE}{{0,5}}{_HUMAN}"
    rf"|(?<!哪儿)(?<!哪里)(?:找|叫|喊|换|要|来|接|派|安排|给我|让|[搵揾]|转){_ONE}{{0,4}}{_PERSON}{_STOP}(?:$|[来嚟跟和同给听讲说聊处回谈呀啊吧行出帮管过接联解成])"
    rf"|{_HUMAN}(?:出来|来[听接]|过来|联系我|联络我|处理|回复|跟我|和我|同我|与我)|^来?(?:个|点)?人[来呢]?$|人呢|^换人(?![乘民脸次数])|[，。 ]换人$"
    r"|(?<!哪儿)(?<!哪里)(?:叫|喊)人来(?!修|装|测)|来人(?![提感检])|要问人|直接上人|(?:谁|哪位).{0,3}(?:能管|能做主|管事|是负责|负责(?:的|人)?$)|是人是鬼|(?:喘气|出气)的|说人话|召唤|(?:人工|真人)(?:协助|介入|帮忙|支援|通道|入口)|能(?:解决|管|做主|拍板).{0,5}(?:人来|的来|的人|的(?:$|吗|出来))|找(?:到|得到|不到)(?:你们?的?)?(?:人工|真人|客服)"
)
_TALK = re.compile(
    rf"(?:跟|和|与|同|向){_ONE}{{0,4}}(?:{_HUMAN}|{_PERSON}).{{0,8}}{_SAY}|(?:跟|和|与|同){_ONE}{{0,3}}{_PERSON}{_STOP}(?:$|{_SAY})"
)
_PRESENT = re.compile(
    rf"(?:有没有|有冇|有|冇|没|在线|连一?个?){_ONE}{{0,3}}(?:值班人员|职员|人工|真人|活人|客服|工作人员)(?:客服|人员|专员|在线|服务|在|可以|能|协助|帮|都|$|[吗么呀啊嘛？?没])"
    rf"|(?:人工|真人|活人|客服|人工客服|人员)(?:在吗|在不在|在么|在线吗|在嘛|有吗|有没有|呢|在不|在哪|在那)"
    r"|^.{0,3}(?:有没有|有冇|有)人(?:$|在|吗|么|呀|啊|接|没有|理|管|能|可以帮)|[，,。 ]有人(?:没有|吗|在)|有人在吗|客服.{0,2}(?:在|理|听).{0,3}(?:吗|一下|不|嘛)|在.{0,3}客服$|(?:有没有|有冇)人.{0,2}(?:教|帮|来|管|理|讲|听|可以)|没一?个?人管|没人(?:理|回|管|应|接)|等了.{0,5}没人|客服(?:去哪|死哪|怎么不|为什么不|不理)|有没有.{0,2}能管|冇人(?:理|应)"
)
_NO_MACHINE = re.compile(
    rf"{_NOT}.{{0,5}}{_MACHINE}{_PRODUCT}(?!的|配件|赠|画|味|坏|不能|没|打不)|你就?是(?:个|一个)?{_MACHINE}|{_MACHINE}(?:的?回[复答]).{{0,6}}(?:不|烦)|不信.{{0,3}}{_MACHINE}|{_MACHINE}.{{0,3}}(?:滚|没用|听不懂|不智能|解答不了|无法解答|解决不了|一点都不)"
    rf"|滚.{{0,3}}{_MACHINE}|{_MACHINE}滚|(?:破|智障(?!人士|者|儿)|垃圾|废物|傻|笨|烂){_MACHINE}|{_NOT}(?:用|让)?.{{0,4}}(?:敷衍|糊弄)"
    r"|听不懂人话|废话|鬼打墙|答非所问|不想(?:再)?打字|罐头|自动回复(?!怎么|在哪|设|功能)|只会说这|听不懂就|别复制粘贴"
)
_CALL_BACK = re.compile(
    r"(?:给我|帮我|俾我|请|麻烦|安排|让|可以|能不能|方便)[^找在屋]{0,6}(?:回电(?!话费)|回个?电话|给我打个?电话|打个电话(?!录)|致电|打给我|打电话给我|给我打电话|电话联系我|来电说)|打[俾比给]我|给我电话|直接电话|(?<!打)电话(?:沟通|聊)|[拨打]电话给我"
    r"(?!怎么|给(?!我)|号)|(?:与|跟|和|同)我(?:联系|联络)|联[系络]我"
)
_TYPED = re.compile(
    r"(?:zhuang?|zuan)re?ng?gong|ren?g?gongk[ef]+u|zh?enren|(?:zhao|yao|jie|jiao|zhuan).{0,6}(?:huoren|zhenren|kefu|rengong)|^(?:rengong)+$|^zhao(?:ge)?ren(?:$|lai|gong)|tousu|^(?:kefu)+$|^kefu(?:$|zai|please|pls)"
)
_SOUNDS = re.compile(
    r"(?:zhuang?|zuan|chuang?)(?:jie)?(?:yixia)?(?:dao)?r(?:e|en|eng)gong(?:fuwu|kefu)?|rengong(?:kefu|fuwu)|zhenrenkefu|zhaozhenren|^z?rengong$|^zrg$|^zhuanrg|(?:zhao|yao|jie)rengong(?!zhineng)"
)
_INITIALS = re.compile(r"^(?:zrg|rg|zhrg|rgkf|zrgkf|zrgfw)+$")
_POLITE = re.compile(
    r"请问|请|您好|你好|喂|嗯|那个|就是|麻烦|劳驾|谢谢|感谢|多谢|唔该|哈喽|hi|hello|亲|拜托|拜讬|求求了?|快点?|急|一下|我要|我想要?|给我"
    r"|帮我|要|啦|啊|呀|吧|哈|呢|嘛|了|please|pls|plz|服务员|立刻|马上|现在|赶紧|妈的|他妈的|你妈的|干|靠|[^\w]"
)
_ANGER = re.compile(
    r"傻[逼比bx叉币]|煞笔|沙[比壁]|sb客服|^sb$|操你|草你|你妈[的逼]|尼玛|他妈[的地]|妈的|妈了个|卧槽|我[操靠艹]|^[草操艹](?=[，,！! 。]|$)|滚蛋|滚犊子|欺负人|没良心|有没有良心|黑店(?!铺)|没见过.{0,3}(?:这么|这样)(?:差|烂|坑)|说法$|交代$|气炸|要疯了|滚开|^滚(?=[，,！! 。]|$)|去死(?![皮角])|王八蛋"
    r"|混蛋|畜生|狗屁|放屁|脑残|智障(?!人士|者|儿)|白痴|废物|人渣|不要脸|无耻|有病吧|你有病|神经病|恶心死|真恶心|太恶心|你们.{0,3}恶心"
    r"|什么(?:态度|玩意|破|垃圾|东西)|浪费我"
    r"|没完没了|垃圾(?:公司|客服|服务|系统|平台|商家|店|东西|产品)|烂(?:公司|客服|服务)|(?:服务|你们).{0,4}(?:烂|垃圾|差劲)"
    r"|骗子(?:公司|吗|吧|$|！|，)|你们.{0,6}(?:骗子|骗人|骗钱|坑人)|骗钱|糊弄|搞咩|tmd|你大爷|坑爹|欺骗消费者|什么鬼|服了你们|差评[！!。]|差评$|岂有此理|黑心|奸商|(?:还我|退)钱[！!。]"
)
_MOOD = re.compile(r"气死|烦死|受够|忍无可忍|太(?:让人)?(?:生气|气人|差劲|过分|离谱|坑|烂)|无语|恶劣|夸张|火大|崩溃")
_SHORT = 14
"""Characters: in a longer text a mood may be about anything, and there is a question beside it."""
_THREAT = re.compile(
    r"我?要(?:去|在|打|上)?(?:.{0,4})?投诉(?!流程|进度|电话|邮箱|在哪|单|记录)|投诉你们|投诉到|再投诉|客诉|^投诉[！!。]*$|(?:举报|检举|起诉|投诉)(?:你|他)们|被(?:投诉|起诉|曝光)|(?:协会|12315|法院|法庭)见|就(?:去)?投诉|(?:不|再|否则)[^谁哪]{0,8}投诉你?们?$|申诉你|向.{0,6}申诉"
    r"|(?:打|拨)(?:给)?12315(?!.{0,4}(?:几点|电话))|12315投诉|(?:上|去|找|等着|告到|到)(?:.{0,2})(?:消协|消保|消费者协会|消费者委员会|工商|市监|银保监|法院|黑猫)"
    r"|律师函(?!模板)(?:吧|等|警告)?$|收律师|(?:找|请|让).{0,2}律师(?:告|起诉)|起诉你|告你们|告死|法庭见|法院见|曝光(?!补偿|过|度|不|值|时|模)|发(?:抖音|微博|小红书|朋友圈)|找(?:记者|媒体)"
    r"|拉横幅|(?:我|就|要|再).{0,8}报警(?!器|灯|声)"
)
_HAN = re.compile(r"[㐀-鿿]")
_FILLER = re.compile(r"(?<=[㐀-鿿])[\s.\-—_·。~…*]+(?=[㐀-鿿])")


def wants(text: str) -> str | None:
    """`asked_for_human`, `anger` or None, of a text in simplified characters and lower case."""
    said = _FILLER.sub("", text)
    if _HAN.search(said) and (_is_angry(said) or _TYPED.search(text.replace(" ", "")) or "nmsl" in said):
        return "anger" if not _asks(said) else "asked_for_human"
    return "asked_for_human" if _asks(said) or _is_typed(text) else None


def _is_angry(said: str) -> bool:
    mood = len(said) <= _SHORT and not re.search(r"怎么|[a-z]-?\d", said) and _MOOD.search(said)
    return bool(mood or _THREAT.search(said) or _ANGER.search(said))


def _asks(said: str) -> bool:
    if _is_bare(said) or _NO_MACHINE.search(said):
        return True
    if _CALL_BACK.search(said):
        return True
    if ASKING.search(said):
        return False
    sure = (_TRANSFER, _CALL, _TALK, _PRESENT)
    return any(pattern.search(said) for pattern in sure) or bool(_SOUNDS.search(_sound(said)))


def _is_bare(said: str) -> bool:
    """Whether nothing but somebody is named, once or again and again."""
    return re.fullmatch(rf"(?:{_BARE})+", _POLITE.sub("", said)) is not None


def _is_typed(text: str) -> bool:
    typed = re.sub(r"[^a-z]", "", text)
    return not _HAN.search(text) and bool(_TYPED.search(typed) or _INITIALS.match(typed))


def _sound(said: str) -> str:
    """How it sounds, without tones; letters stay."""
    return "".join(lazy_pinyin(said, style=Style.NORMAL)).replace(" ", "")

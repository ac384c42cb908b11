"""How a sentence of a ticket is known for what it is: an instruction, a cause, or talk that belongs to one case alone.

Families of usual wordings, matched in simplified Chinese and in English; what none of them knows is compared with
examples (`kb.cases.sorting`).
"""

# ruff: noqa: E501 - families of wordings, one family a line

from __future__ import annotations

import re

GREETING = re.compile(
    r"(?:在的)?(?:您好|你好|亲亲|亲|嗨|早上好|下午好|晚上好|好的)[^，,！!。～~？?]{0,8}[，,！!。～~\s]+"
    r"|(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|ah|ha|right|ok(?:ay)?)\b[^,!.?]{0,24}[,!.]+\s*",
    re.IGNORECASE,
)
"""Before what is said; taken off, for what follows is the ticket's own words still."""
LABEL = re.compile(
    r"(?P<cause>(?:故障)?原因|问题原因|cause|reason|root cause|diagnosis)\s*[:：]\s*"
    r"|(?P<step>处理(?:方法|办法|结果|步骤|过程)?|解决(?:方法|办法|方案)?|操作(?:步骤|方法)?|办法|方法|步骤"
    r"|fix|solution|steps?|resolution|what to do|remedy)\s*[:：]\s*",
    re.IGNORECASE,
)
TALK = re.compile(
    r"感谢|谢谢|多谢|抱歉|对不起|很高兴|祝您|祝你|生活愉快|理解与支持|不客气|再见|请稍等|请稍候|久等|请放心|请您放心|辛苦"
    r"|\b(?:thanks?|thank you|sorry|apologi[sz]e|apologies|regards|sincerely|cheers|welcome|congratulations"
    r"|have a (?:lovely|nice|great|good)|don't worry|no worries|happy to help|hope (?:this|that|it) helps)\b",
    re.IGNORECASE,
)
"""Small talk: said to be kind, and no part of an article."""
ONE_CASE = re.compile(
    r"回访|致电|去电|来电|结案|完结|结单|关单|工单|工号|坐席|值班|班长|主管|驿站|补偿|赔付|不退了"
    r"|客户(?:已|也)?(?:表示|反馈|回复|回覆|理解|满意|接受|反映|确认|自述|同意|要求)"
    r"|已(?:经)?(?:登记|寄|录入|转|改派|改为|完成|补发|为您|为客户|免费|处理|恢复|解决|取件|预约|安排|上门|告知|补)"
    r"|^[^，,]{0,12}(?:恢复|正常)[^，,]{0,4}$|测试(?:成功|正常|通过)|(?:没有?|未|不)再(?:出现|发生|漏|响|报|犯)"
    r"|\b(?:ticket|case) (?:is |was )?(?:closed|resolved)\b|\b(?:she|he|they|customer|caller|client) (?:has|have) "
    r"|\b(?:customer|caller|client) (?:says?|said|confirmed|was|is|told|will|wants?|asked|happy)\b"
    r"|\b(?:told|informed|advised|called|rang|phoned|e-?mailed) (?:the )?(?:her|him|them|customer|caller)\b"
    r"|\b(?:refunded|compensated|goodwill|escalated|passed (?:on|to)|team lead|supervisor)\b|\bsince then\b|\bsince\.$"
    r"|\b(?:arrived|came|worked|works|fixed|solved|sorted|normally|fine)\b[^,;:]{0,24}[.!]$",
    re.IGNORECASE,
)
"""What became of this one customer, or who worked at it."""
PLEASE = re.compile(r"请(?!问|教|假|求)|\bplease\b", re.IGNORECASE)
_BEFORE_ZH = (
    r"(?:(?:首先|先|再|然后|接着|随后|最后|同时|之后|另外|也|要|需要|需|必须|可以|建议|应|记得|务必|马上|立刻|尽快|直接|一定要"
    r"|请客户|让客户|您|你|请|麻烦|断电后|关机后|完成后|结束后|装好后|换完|加完|换好后|使用前|下次|以后|平时)[，,]?)*"
)
_ACTS_ZH = (
    "关闭|关掉|关机|关上|关|打开|开启|开水|开|启动|拔掉|拔|插|取出|取下|取|抽出|抽|拆下|拆|卸|装回|装上|装|安装|换上|换成|换新|换|更换|擦|清洗|清洁|清掉|清理|清空"
    "|冲洗|刷|洗|用|使用|把|将|往|按住|按|长按|点击|点|进入|选择|选|加满|加(?!湿)|倒掉|倒空|倒入|倒|拧|旋|逆时针|顺时针|对准|双手|检查|查看|看|确认|重新|重启|断电"
    "|通电|设置|设|调|放|移|挪|等待|等|联系|登录|退出|搜索|输入|填写|上传|提交|回到|到|在|从|不要|不能|切勿|请勿|勿|避免|每次|每月|每个月|每两|每周"
    "|第一次|如果|若|仍|长期|运行|疏通|敲|撕|剪|拉|推|转|上下|左右|保持|保留|凑|拆成|删除|删|录入|改用|改录|改|晾|晒|泡|浸|滴|涂|抹|贴|连接|断开|下载|更新|升级|恢复出厂|刷新"
)
STEP = re.compile(
    rf"^(?!(?:换|更新|升级|清洗|安装)[^，。]{{0,6}}后[^，。]{{0,12}}(?:丢失|失败|没有|不|无法|被))"
    rf"{_BEFORE_ZH}(?:{_ACTS_ZH})"
    r"|^(?:(?:then|now|first|next|finally|second|afterwards|always|never|also|or|and|instead|do not|don't|once (?:a|every)"
    r" \w+|every \w+|(?:after|if|to|for|when|before|on|in|at|with) [^.;]{1,60}?,)\s*,?\s*)*"
    r"(?:never|always|do not|don't|first|then)?\s*"
    r"\b(?:add|adjust|align|allow|apply|ask|attach|avoid|bend|book|break|bring|call|change|charge|check|choose|clean|clear"
    r"|click|close|connect|confirm|contact|copy|cover|cut|delete|descale|disconnect|download|drain|dry|empty|enter|feed"
    r"|fill|fit|flip|flush|follow|give|go|hang|heat|hold|insert|install|keep|leave|let|level|lift|log|loosen|lower|make"
    r"|mark|measure|mop|mount|move|open|order|pay|peel|pick|place|plug|pour|press|pull|push|put|rebook|reboot|re-?enter"
    r"|refit|reinstall|release|remove|repeat|replace|reset|restart|rinse|rub|run|save|scan|scroll|scrub|see|select|send"
    r"|set|shake|show|sign|slide|soak|spread|start|stop|swap|swipe|switch|take|tap|test|throw|tick|tighten|top up|transfer"
    r"|try|turn|type|undo|unplug|unscrew|update|upload|use|wait|wash|wipe|write)\b",
    re.IGNORECASE,
)
OUTRIGHT = re.compile(r"因为|由于|导致|引起|造成|所以|是因|引发|致使|原因(?:一般|通常|多半|主要)?(?:是|为|在于)")
"""What names a cause whatever stands before it: Chinese verbs begin a cause as well as an instruction."""
CAUSE = re.compile(
    r"误判|误以为|使得"
    r"|\b(?:because|due to|caused? by|caused|causes|so (?:that |it |the |its |no |hardly |she |he |they |our )|the reason"
    r"|which (?:is why|switches|means|pauses|keeps|stops)|means (?:that |the |no )?|that is why|resulted? in|led to"
    r"|had (?:been|not|run|soaked|drawn|skipped|left|a )|thanks? to)\b",
    re.IGNORECASE,
)
ASKING = re.compile(
    r"[?？]|怎么|怎麼|怎样|怎樣|咋|为什么|為什麼|为何|如何|什么|什麼|多久|多少|哪|吗[。！!～~\s]*$|嗎[。！!～~\s]*$|呢[。！!～~\s]*$|能不能|可不可以|是不是|有没有|有沒有"
    r"|^(?:how|why|what|when|where|which|who|can|could|do|does|did|is|are|will|would|should|may|has|have)\b",
    re.IGNORECASE,
)
"""A question: what a customer asks, or what an agent asks back."""

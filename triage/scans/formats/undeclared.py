"""The character set of text that states none, or a wrong one: guessed only where the bytes leave little doubt.

Names are too short for statistics of a language. But few letters make up most of a text, a capital does not follow a
small letter, and few characters make up most names of East Asia: read in a wrong set, a name looks like neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

CYRILLIC = "оеаинтсрвлкмдпу"
GREEK = "αοιετσςνηυρπκλμ"
HEBREW = "יוהלארתבשמנםן"
#: Frequent in names of people, and in words on studies of the head.
CHINESE = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白"
    "崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉红华建国志海春梅晓小雪婷宇子欣浩然"
    "佳雨云飞鹏斌辉波鑫阳光静怡晨司欧上官诸葛头颅脑部扫描增强磁共振检查医院放射科男女岁患者影像图片序列断层轴位冠矢状平"
)
KOREAN = (
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연표명기반왕금옥육인맹제모"
    "영희수철숙경미순자상호준훈은혜동병태재승용광규종대형일환복보나라린빈윤아예다가해솔람바름찬창택필학헌혁협효휘흥웅균덕봉범섭욱율익슬샘길달두뇌검사병원"
)
JAPANESE = (
    "佐藤鈴木高橋田中伊渡辺山本村小林加吉井上松清水野口池阿部森青石川原岡島福前後長谷近坂遠斎斉太郎子美一二三花桜春秋夏真由健恵和明正義雄幸夫男女介大"
    "翔陽葵結菜香奈佳代久千里浩隆博志誠頭脳部造影検査病院平今宮内西東南北新安永金成服岩崎美健舞咲純晋倍渡邊邉患者画像断面撮矢状冠"
)
#: Letters that only stand at the end of words, and Hebrew ones that they replace there.
FINAL = frozenset("ςךםןףץ")
NOT_FINAL = tuple("כמנצ")
KANA = re.compile("[\u3041-\u30ff]")
#: Codecs in the order of their likelihood, by the characters that are frequent in them.
FREQUENT = {
    "cp1251": CYRILLIC,
    "koi8-r": CYRILLIC,
    "iso8859-5": CYRILLIC,
    "cp866": CYRILLIC,
    "cp1253": GREEK,
    "cp1255": HEBREW,
    "gb18030": CHINESE,
    "cp949": KOREAN,
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
}
ALPHABETS = (CYRILLIC, GREEK, HEBREW)
#: Evidence for a codec that a character brings which is frequent in it, and one that is not: natural logarithms of how
#: much likelier that is in a right reading than in a wrong one. Of letters it includes that their case fits.
LETTER = (1.2, -0.4)
#: In Hebrew, it includes that no letter of an end stands within a word: in Cyrillic those are among the commonest.
HEBREW_LETTER = (1.5, 0.1)
CHARACTER = (2.5, -0.9)
#: A guess needs so much evidence, and so much more than for any other script.
CONVINCING = 3.5
MARGIN = 1.5
#: Evidence for the stated character set.
STATED = 3.0
#: A word with anything but ASCII.
WORD = re.compile(r"[A-Za-z]*[^\0-\x7f](?:[A-Za-z]|[^\0-\x7f])*")
#: Signs that are part of words in Latin letters.
APOSTROPHES = str.maketrans("", "", "\u2019\u2018\xb4\xb7")
#: Characters before this are Latin letters.
LATIN_END = "\u0250"


def reads_well(text: str) -> bool:
    """Return whether words look like words of the script that they are in, not like bytes of another character set."""
    return all(map(_is_word, WORD.findall(text)))


def guess(texts: Sequence[bytes], stated: str = "") -> str:
    """Return the codec that the texts of a data set are in, "" if that is not clear.

    Parameters
    ----------
    texts
        Those that do not fit the stated character set, or do not read well in it.
    stated
        The codec of the stated character set, if they could be in it.
    """
    found = {codec: _evidence(texts, codec) + STATED * (codec == stated) for codec in FREQUENT}
    best = max(found, key=found.__getitem__)
    # Of the sets of one script the likeliest is right.
    others = [evidence for codec, evidence in found.items() if FREQUENT[codec] != FREQUENT[best]]
    return best if found[best] >= CONVINCING and found[best] >= max(others) + MARGIN else ""


def _evidence(texts: Sequence[bytes], codec: str) -> float:
    try:
        words = [word for raw in texts for word in WORD.findall(raw.decode(codec))]
    except UnicodeError:
        return -math.inf
    frequent = FREQUENT[codec]
    is_alphabet = frequent in ALPHABETS
    foreign = [character for word in words for character in word if not character.isascii()]
    is_part = str.isalpha if is_alphabet else str.isalnum  # East Asia has digits of its own width
    if not all(map(is_part, foreign)) or (is_alphabet and not all(map(_is_word, words))):
        return -math.inf
    if frequent is HEBREW and any(len(word) > 1 and word.endswith(NOT_FINAL) for word in words):
        return -math.inf
    hit, miss = HEBREW_LETTER if frequent is HEBREW else LETTER if is_alphabet else CHARACTER
    return sum(
        hit if character.lower() in frequent or (frequent is JAPANESE and KANA.match(character)) else miss
        for character in foreign
    )


def _is_word(word: str) -> bool:
    word = word.translate(APOSTROPHES)
    foreign = [character for character in word if not character.isascii()]
    if not any(map(str.isalpha, foreign)):
        return True  # a degree sign, a trade mark
    cased = word.upper() != word.lower()
    if not FINAL.isdisjoint(word[:-1]):
        return False
    if not all(map(str.isalpha, foreign)) or (cased and not (word.isupper() or word[1:].islower() or len(word) == 1)):
        return False
    # A few letters of a Latin word have accents; a word of another script has no Latin letter.
    return 2 * len(foreign) <= max(len(word), 3) if max(foreign) < LATIN_END else len(foreign) == len(word)

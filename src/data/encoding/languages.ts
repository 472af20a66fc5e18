/** Letters and frequent characters of languages, by the encodings that were in use for them. */
import type { EncodingName } from './encodings.ts';

/** For each language of an alphabet, its letters beyond ASCII in lower case. */
const WESTERN = [
  'éèêëàâîïôûùçœæ', // French (without ÿ: so rare that byte 0xFF suggests binary data)
  'äöüß', // German
  'áéíóúñü', // Spanish
  'áâãàçéêíóôõú', // Portuguese
  'àèéìòù', // Italian
  'åäöé', // Swedish, Finnish
  'æøåéôòó', // Danish, Norwegian
  'áéíóúýæöðþ', // Icelandic
  'éëïöè', // Dutch
  'àèéíïòóúüç', // Catalan
];
const CENTRAL = [
  'ąćęłńóśźż', // Polish
  'áčďéěíňóřšťúůýž', // Czech
  'áäčďéíĺľňóôŕšťúýž', // Slovak
  'áéíóöőúüű', // Hungarian
  'čćđšž', // Croatian, Slovene
  'ăâîşţ', // Romanian
  'äöüß',
];
export const CYRILLIC = [
  'абвгдеёжзийклмнопрстуфхцчшщъыьэюя', // Russian, Bulgarian
  'абвгґдеєжзиіїйклмнопрстуфхцчшщьюя', // Ukrainian
  'абвгдеёжзійклмнопрстуўфхцчшыьэюя', // Belarusian
  'абвгдђежзијклљмнњопрстћуфхцчџш', // Serbian
];
const GREEK = ['αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ'];
const HEBREW = ['אבגדהוזחטיךכלםמןנסעףפץצקרשת'];
const ARABIC = ['ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي', 'ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیي'];
const TURKISH = ['çğıöşüâ'];
const BALTIC = ['ąčęėįšųūž', 'āčēģīķļņšūž', 'äöüõšž'];
const THAI = ['กขคฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮะาำิีึืุูเแโใไๆ็่้๊๋์ั'];

/** Single-byte encodings, the most likely first. */
export const ALPHABETS: readonly (readonly [encoding: EncodingName, languages: readonly string[]])[] = [
  ['windows-1252', WESTERN],
  ['windows-1251', CYRILLIC],
  ['koi8-r', CYRILLIC],
  ['windows-1250', CENTRAL],
  ['iso-8859-2', CENTRAL],
  ['ibm866', CYRILLIC],
  ['koi8-u', CYRILLIC],
  ['windows-1253', GREEK],
  ['windows-1254', TURKISH],
  ['windows-1255', HEBREW],
  ['windows-1256', ARABIC],
  ['windows-1257', BALTIC],
  ['windows-874', THAI],
  ['macintosh', WESTERN],
  ['iso-8859-5', CYRILLIC],
  ['x-mac-cyrillic', CYRILLIC],
];

const KANA =
  'あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんがぎぐげござじずぜぞだでどばびぶべぼぱっゃゅょ' +
  'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンガギグゲゴザジズゼゾダデドバビブベボパピプペポッャュョー';
const KANJI =
  '日一国人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨';
const SIMPLIFIED =
  '的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市';
const TRADITIONAL =
  '的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由卻代軍產入先山五太水萬市';
const HANGUL =
  '이다는가을에의고지하를은한도로기사서리어나아그들인라해시있자부대만수일보정주상전제과와게니여스것요세오습안무면었성내말위생우개동원장모때던같거신마구조더저공미선적금중물유조비소경국방';
const EAST_ASIAN_MARKS = '。、，．・：；？！「」『』（）《》“”‘’…—　';

/** Multi-byte encodings, with the most frequent characters of their languages. */
export const IDEOGRAPHS: readonly (readonly [encoding: EncodingName, frequent: string])[] = [
  ['gb18030', SIMPLIFIED + EAST_ASIAN_MARKS],
  ['shift_jis', KANA + KANJI + EAST_ASIAN_MARKS],
  ['euc-jp', KANA + KANJI + EAST_ASIAN_MARKS],
  ['big5', TRADITIONAL + EAST_ASIAN_MARKS],
  ['euc-kr', HANGUL + EAST_ASIAN_MARKS],
];

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { decodeText, unpacked } from '../../src/data/encoding/decode.ts';
import { isDamagedUtf8 } from '../../src/data/encoding/detect-encoding.ts';
import { checkEncoding, encodingOf } from '../../src/data/encoding/encodings.ts';
import { findEncoding } from '../../src/data/encoding/reading.ts';
import { encodeText } from './encode-text.ts';

const characters = { tokens: 'character' } as const;

const samples: Record<string, [text: string, encodings: string[]]> = {
  French: [
    'L’été dernier, nous avons mangé des crêpes à la crème brûlée — c’était délicieux.',
    ['windows-1252', 'macintosh'],
  ],
  German: ['Größe und Übung machen den Meister; schöne Grüße aus Köln.', ['windows-1252', 'macintosh']],
  English: ['It’s a “fine” day — isn’t it? Don’t you think so?', ['windows-1252', 'macintosh']],
  Spanish: ['¿Dónde está el niño? ¡Mañana!', ['windows-1252']],
  Polish: ['Zażółć gęślą jaźń, wszystko w porządku, dziękuję bardzo.', ['windows-1250', 'iso-8859-2']],
  Czech: ['Příliš žluťoučký kůň úpěl ďábelské ódy.', ['windows-1250']],
  Hungarian: ['Árvíztűrő tükörfúrógép, szép időnk van', ['windows-1250']],
  Turkish: ['Şimdi gidiyoruz, çok güzel bir gün, değil mi? Işık ağaç', ['windows-1254']],
  Lithuanian: ['Ąžuolas auga šalia upės, gražus žiedas', ['windows-1257']],
  Russian: [
    'Привет, как дела? Сегодня хорошая погода, и мы идём гулять в парк.',
    ['windows-1251', 'koi8-r', 'ibm866', 'iso-8859-5'],
  ],
  Ukrainian: ['Слава Україні! Її діти їдять їжу.', ['windows-1251', 'koi8-u']],
  Greek: ['Καλημέρα, τι κάνετε; Σήμερα ο καιρός είναι καλός.', ['windows-1253']],
  Arabic: ['مرحبا بالعالم كيف حالك اليوم', ['windows-1256']],
  Thai: ['สวัสดีครับ วันนี้อากาศดี', ['windows-874']],
  Japanese: ['吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。', ['shift_jis', 'euc-jp']],
  Chinese: ['天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。寒来暑往，秋收冬藏。', ['gb18030']],
  Taiwanese: ['天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。這是一個測試的文章。', ['big5']],
  Korean: ['안녕하세요. 오늘은 날씨가 좋습니다. 우리는 공원에 갑니다.', ['euc-kr']],
};
for (const [language, [text, encodings]] of Object.entries(samples)) {
  for (const encoding of encodings) {
    test(`${language} in ${encoding}: detects and reads it, also in a part of it and in a long text`, () => {
      const bytes = encodeText(text, encoding);
      // A few bytes of Mac text are equally plausible in other encodings.
      const few = encoding === 'macintosh' ? bytes : bytes.subarray(0, 28);
      for (const sample of [bytes, few, encodeText(`${text}\n`.repeat(2000), encoding)]) {
        assert.equal(findEncoding(sample)?.encoding, encoding);
      }
      const { content, notices } = decodeText(bytes, 'x.txt', characters);
      assert.equal(content, text);
      assert.match(
        notices.join(),
        /^x\.txt: read as .*, since byte \d+ \(0x[0-9A-F]{2}\) is not valid UTF-8$/,
      );
    });
  }
}

for (const encoding of ['utf-16le', 'utf-16be', 'utf-32le', 'utf-32be']) {
  test(`${encoding}, with and without a byte order mark, named and detected`, () => {
    const text = 'Größe: 5 €, 😀.\n';
    const general = encoding.slice(0, -2);
    for (const start of ['', '\ufeff']) {
      const bytes = encodeText(start + text, encoding);
      for (const name of ['auto', encoding, general]) {
        assert.equal(
          decodeText(bytes, 'x', { ...characters, encoding: name }).content,
          text,
          `${start} ${name}`,
        );
      }
    }
  });
}

test('windows-1252 has its own characters at 0x80 to 0x9F, under each of its names', () => {
  for (const encoding of ['windows-1252', 'latin1', 'ISO-8859-1', 'cp1252']) {
    const { content } = decodeText(Uint8Array.of(0x93, 0x80, 0x92, 0x94), 'x', { ...characters, encoding });
    assert.equal(content, '“€’”');
  }
});

test('short texts', () => {
  const read = (...bytes: number[]) => decodeText(Uint8Array.from(bytes), 'x', characters).content;
  assert.equal(read(0x63, 0x61, 0x66, 0xe9), 'café');
  assert.equal(read(0x61), 'a');
  assert.equal(read(0x61, 0), 'a');
  assert.equal(findEncoding(encodeText('привет', 'windows-1251'))?.encoding, 'windows-1251');
  assert.equal(findEncoding(encodeText('日本語', 'shift_jis'))?.encoding, 'shift_jis');
  assert.equal(findEncoding(new TextEncoder().encode('日本')), undefined);
});

test('does not take damaged UTF-8 for another encoding', () => {
  const text = new TextEncoder().encode('Сегодня хорошая погода — Größe, 日本。');
  for (const [what, bytes] of Object.entries({
    'cut at the end': text.subarray(0, -1),
    'cut at the start': text.subarray(1),
    'a byte is missing': [...text.subarray(0, 5), ...text.subarray(6)],
    'a byte of Latin-1 in it': [...text, 0xe9, 0x21],
    'a surrogate': [0x61, 0xed, 0xa0, 0x80, 0x62],
    'an overlong form': [0x61, 0xc0, 0x80, 0x62],
    'a mark, and then a wrong byte': [0xef, 0xbb, 0xbf, 0x61, 0xe9],
  })) {
    assert.throws(() => decodeText(Uint8Array.from(bytes), 'x', characters), { code: 'text-not-utf8' }, what);
  }
  assert.equal(isDamagedUtf8(encodeText('Größe für Künstler', 'windows-1252'), true), false);
});

test('bytes that are not text in any encoding', () => {
  const long = Uint8Array.from({ length: 9000 }, () => 0x78);
  for (const tail of [[0xff], [0x81, 0x8d]]) {
    assert.throws(() => decodeText(Uint8Array.from([...long, ...tail]), 'x', characters), {
      code: 'text-not-utf8',
    });
  }
});

test('detects the encoding if the first invalid byte comes late', () => {
  const text = `${'plain text, line after line\n'.repeat(20_000)}Größe für Künstler`;
  const { content, notices } = decodeText(encodeText(text, 'windows-1252'), 'x', characters);
  assert.equal(content, text);
  assert.match(notices.join(), /byte 560,002 \(0xF6\)/);
});

test('uses a named encoding, and its errors have the offset', () => {
  const encoding = 'shift_jis';
  assert.throws(
    () => decodeText(Uint8Array.of(0x61, 0x62, 0x82, 0xff, 0x61), 'x', { ...characters, encoding }),
    {
      code: 'text-not-decodable',
      message: /^x: byte 3 \(0xFF\) is not valid shift_jis/,
    },
  );
  assert.equal(decodeText(Uint8Array.of(0xe9), 'x', { ...characters, encoding: 'koi8-r' }).content, 'И');
  assert.deepEqual(decodeText(Uint8Array.of(0xe9), 'x', { tokens: 'byte' }).content, Uint8Array.of(0xe9));
});

test('names of encodings: those of the Encoding Standard, of Python and iconv, and a suggestion', () => {
  const names = {
    UTF8: 'utf-8',
    latin1: 'windows-1252',
    cp1251: 'windows-1251',
    Shift_JIS: 'shift_jis',
    sjis: 'shift_jis',
    cp936: 'gbk',
  };
  for (const [label, name] of Object.entries(names)) assert.equal(encodingOf(label), name, label);
  for (const label of ['utf-32', 'utf_16_le', 'utf-16', 'EUC_KR', 'mac_roman'])
    assert.ok(encodingOf(label), label);
  assert.equal(checkEncoding('AUTO'), 'auto');
  assert.throws(() => checkEncoding('windows-1525'), {
    option: 'encoding',
    message: /Did you mean windows-125/,
  });
  assert.throws(() => checkEncoding('klingon'), { option: 'encoding', message: /expected auto or the name/ });
});

test('names documents, archives and pictures', () => {
  const read = (start: string) => () => decodeText(Buffer.from(start, 'latin1'), 'x', characters);
  assert.throws(read('%PDF-1.7 …'), { code: 'text-packed', message: /^x is a PDF document, not a text/ });
  assert.throws(read('BZh91AY&SY…'), { code: 'text-packed', message: /bunzip2 --keep/ });
  assert.throws(read('\x89PNG\r\n\x1a\n'), { code: 'text-binary', message: /PNG image/ });
});

test('unpacks gzip in memory too', async () => {
  const text = new TextEncoder().encode('text');
  assert.deepEqual(await unpacked(gzipSync(text), 'x'), text);
  await assert.rejects(unpacked(gzipSync(text).subarray(0, 15), 'x'), { code: 'text-unreadable' });
});

test('any bytes give a text or an error of this package', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      try {
        return typeof decodeText(bytes, 'x', characters).content === 'string';
      } catch (error) {
        return error instanceof Error && 'code' in error;
      }
    }),
    { numRuns: 300 },
  );
});

/** Texts of several kinds, written for these tests, with the tokens that `o200k_base` (gpt-4o and later) makes of them. */
export const TEXTS: Readonly<Record<string, { readonly text: string; readonly tokens: number }>> = {
  English: {
    tokens: 96,
    text: `A lighthouse keeper once told me that the sea has no memory, only habits. Every evening he climbed the same two hundred steps, trimmed the lamp, and wrote down the weather in a ledger nobody ever asked to read. When I asked him why he bothered, he said that writing things down was the only way to notice when they changed. Years later, working through a long list of unexplained failures, I remembered his ledger, and I began to keep one of my own.`,
  },
  German: {
    tokens: 103,
    text: `Die Straßenbahn hielt quietschend an der Haltestelle, und niemand stieg aus. Der Fahrer wartete trotzdem die vorgeschriebenen dreißig Sekunden, blickte in den Rückspiegel und schüttelte den Kopf. Seit die Brücke gesperrt war, fuhren die meisten Leute lieber mit dem Fahrrad über die Umgehungsstraße. Am Abend würde er in seinem Bericht wieder dieselben Zahlen eintragen: sieben Fahrgäste, zwei Hunde, ein vergessener Regenschirm.`,
  },
  French: {
    tokens: 86,
    text: `Le boulanger ouvrait sa boutique à cinq heures, bien avant que le quartier ne se réveille. Il aimait ce moment où la rue était encore à lui, où l’odeur du pain chaud suffisait à remplir le silence. Les premiers clients arrivaient vers six heures : l’infirmière qui rentrait de sa garde, le facteur, puis les enfants qui réclamaient des croissants avant l’école.`,
  },
  Russian: {
    tokens: 95,
    text: `Поезд прибыл на станцию с опозданием на сорок минут, но никто не удивился. Зимой здесь всегда так: рельсы замерзают, стрелки заедают, а дежурный пьёт чай и ждёт, пока диспетчер позвонит ещё раз. На перроне стояла женщина с двумя чемоданами и внимательно рассматривала расписание, как будто оно могло измениться.`,
  },
  Chinese: {
    tokens: 102,
    text: `傍晚的时候，老人总是坐在院子里的那棵槐树下，慢慢地喝一壶茶。邻居家的孩子放学回来，会跑过来听他讲从前的故事。他说河水曾经很清，鱼多得用手就能抓到；后来修了路，盖了工厂，河也就变了颜色。孩子们不太相信，但还是愿意听，因为他讲得像真的一样。`,
  },
  Japanese: {
    tokens: 97,
    text: `駅前の小さな喫茶店には、毎朝同じ時間に同じ客がやって来る。彼は窓際の席に座り、ブラックコーヒーを一杯だけ注文して、古い手帳に何かを書き込んでいる。店主は一度も内容を尋ねたことがない。ただ、雨の日だけはトーストを一枚おまけしてくれる。`,
  },
  Korean: {
    tokens: 91,
    text: `할머니의 부엌에서는 언제나 된장 냄새가 났다. 겨울이 오면 온 가족이 모여서 김장을 담그고, 마당에 묻어 둔 항아리를 하나씩 채웠다. 아이들은 손이 시리다고 투덜거리면서도 갓 버무린 김치를 한 입씩 얻어먹는 재미에 끝까지 자리를 지켰다.`,
  },
  'source code': {
    tokens: 113,
    text: `export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => a.start - b.start);
  const merged: Interval[] = [];
  for (const interval of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && interval.start <= last.end) {
      last.end = Math.max(last.end, interval.end);
    } else {
      merged.push({ start: interval.start, end: interval.end });
    }
  }
  return merged;
}
`,
  },
  "a tool's arguments in JSON": {
    tokens: 62,
    text: `{"location":{"city":"Lisbon","country":"PT","coordinates":{"lat":38.7223,"lon":-9.1393}},"units":"metric","days":5,"include":["temperature","wind","precipitation"],"language":"en","alerts":true,"requested_by":null}`,
  },
};

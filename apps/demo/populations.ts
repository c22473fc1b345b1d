/*
 * The people who write to the sample's bicycle shop, and their texts. Names are random combinations. Phone numbers are from ranges
 * that a country reserves for fiction; elsewhere they begin with 000, which no network assigns.
 */

export type NonEmpty<T> = readonly [T, ...T[]];

export interface Population {
  readonly language: string;
  readonly hoursFromUtc: number;
  readonly given: NonEmpty<string>;
  readonly family: NonEmpty<string>;
  /** Default: given name, space, family name. */
  readonly formatName?: (given: string, family: string) => string;
  /** E.164. The same `n` gives the same phone number. How many different numbers there are depends on the country. */
  readonly phone: (n: number) => string;
  readonly questions: NonEmpty<string>;
  readonly answers: NonEmpty<string>;
  readonly offers: NonEmpty<string>;
  readonly repliesToBroadcast: string;
}

const digits = (n: number, count: number): string => String(n % 10 ** count).padStart(count, '0');
const unassigned =
  (country: number) =>
  (n: number): string =>
    `+${country}000${digits(n, 7)}`;

const northAmericanAreaCodes = ['202', '212', '312', '415', '503', '617', '713', '808'];
const englishPhones: NonEmpty<(n: number) => string> = [
  (n) => `+447700900${digits(n, 3)}`,
  (n) => `+1${northAmericanAreaCodes[Math.floor(n / 100) % northAmericanAreaCodes.length]}55501${digits(n, 2)}`,
  (n) => `+6125550${digits(n, 4)}`,
];

export const populations: NonEmpty<Population> = [
  {
    language: 'en',
    hoursFromUtc: 0,
    given: ['Amelia', 'Callum', 'Grace', 'Harvey', 'Isla', 'Owen', 'Poppy', 'Toby'],
    family: ['Ashdown', 'Barlow', 'Colby', 'Fenwick', 'Hollis', 'Marlow', 'Thorne', 'Whitby'],
    phone: (n) => (englishPhones[n % englishPhones.length] ?? englishPhones[0])(n),
    questions: [
      'Do you still have the blue city bike?',
      'How much is a child seat?',
      'Can I come for a test ride on Saturday?',
    ],
    answers: ['Thanks, that sounds good.', 'What would delivery cost?'],
    offers: ['Hello! Yes, it is in the shop. Shall I put it aside for you?', 'I have just sent you our offer.'],
    repliesToBroadcast: "I'd like to know more about the spring offer.",
  },
  {
    language: 'es',
    hoursFromUtc: -6,
    given: ['Álvaro', 'Begoña', 'Íñigo', 'Lucía', 'Martín', 'Nieves', 'Raúl', 'Sofía'],
    family: ['Arribas', 'Buñol', 'Cabañas', 'Echeverría', 'Muñoz', 'Peñalver', 'Quiñones', 'Yáñez'],
    phone: unassigned(52),
    questions: [
      '¿Todavía tienen la bici azul de ciudad?',
      '¿Cuánto cuesta una silla para niños?',
      '¿Puedo probarla el sábado?',
    ],
    answers: ['Gracias, me parece bien.', '¿Cuánto cuesta el envío?'],
    offers: ['¡Hola! Sí, la tenemos en la tienda. ¿Se la aparto?', 'Acabo de enviarle nuestra oferta.'],
    repliesToBroadcast: 'Quiero saber más de la oferta de primavera.',
  },
  {
    language: 'fr',
    hoursFromUtc: 1,
    given: ['Anaïs', 'Benoît', 'Chloé', 'Édouard', 'Hélène', 'Loïc', 'Océane', 'Théo'],
    family: ['Beauchêne', 'Delécluse', 'Fèvre', 'Gâtineau', 'Lenoël', 'Maréchaux', 'Prévôt', 'Saint-Rémy'],
    phone: (n) => `+3363998${digits(n, 4)}`,
    questions: [
      'Avez-vous encore le vélo de ville bleu ?',
      'Combien coûte un siège enfant ?',
      "Puis-je l'essayer samedi ?",
    ],
    answers: ['Merci, cela me convient.', 'Combien coûte la livraison ?'],
    offers: ['Bonjour ! Oui, il est en magasin. Je vous le réserve ?', 'Je viens de vous envoyer notre offre.'],
    repliesToBroadcast: "J'aimerais en savoir plus sur l'offre de printemps.",
  },
  {
    language: 'de',
    hoursFromUtc: 1,
    given: ['Anke', 'Björn', 'Günther', 'Jürgen', 'Käthe', 'Ruth', 'Sören', 'Ute'],
    family: ['Großmann', 'Hörmann', 'Jäger', 'Krüger', 'Löffler', 'Mückel', 'Schönfeld', 'Weiß'],
    phone: (n) => `+493023125${digits(n, 3)}`,
    questions: [
      'Haben Sie das blaue Stadtrad noch?',
      'Was kostet ein Kindersitz?',
      'Kann ich am Samstag Probe fahren?',
    ],
    answers: ['Danke, das klingt gut.', 'Was würde die Lieferung kosten?'],
    offers: [
      'Guten Tag! Ja, es steht im Laden. Soll ich es zurücklegen?',
      'Ich habe Ihnen eben das Angebot geschickt.',
    ],
    repliesToBroadcast: 'Ich möchte mehr über das Frühlingsangebot wissen.',
  },
  {
    language: 'pt',
    hoursFromUtc: -3,
    given: ['Conceição', 'Estêvão', 'Flávia', 'Inês', 'João', 'Luís', 'Mônica', 'Vinícius'],
    family: ['Assunção', 'Brandão', 'Frazão', 'Galvão', 'Leitão', 'Magalhães', 'Simões', 'Varejão'],
    phone: unassigned(55),
    questions: ['Vocês ainda têm a bicicleta azul?', 'Quanto custa uma cadeirinha?', 'Posso fazer um teste no sábado?'],
    answers: ['Obrigado, parece ótimo.', 'Quanto custa a entrega?'],
    offers: ['Olá! Sim, está na loja. Posso reservar?', 'Acabei de enviar a nossa proposta.'],
    repliesToBroadcast: 'Quero saber mais sobre a oferta de primavera.',
  },
  {
    language: 'sv',
    hoursFromUtc: 1,
    given: ['Åsa', 'Göran', 'Håkan', 'Malin', 'Örjan', 'Tove'],
    family: ['Åkerblom', 'Bäckman', 'Fröberg', 'Hägglund', 'Lönn', 'Sjöstrand'],
    phone: (n) => `+467017406${digits(5 + (n % 95), 2)}`,
    questions: ['Har ni den blå stadscykeln kvar?', 'Vad kostar en barnsits?', 'Kan jag provcykla på lördag?'],
    answers: ['Tack, det låter bra.', 'Vad kostar leveransen?'],
    offers: ['Hej! Ja, den står i butiken. Ska jag lägga undan den?', 'Jag har precis skickat vår offert.'],
    repliesToBroadcast: 'Jag vill veta mer om vårerbjudandet.',
  },
  {
    language: 'tr',
    hoursFromUtc: 3,
    given: ['Aslı', 'Çağla', 'Gökhan', 'İrem', 'Ömer', 'Şule', 'Tuğba', 'Umut'],
    family: ['Açıkgöz', 'Bölükbaşı', 'Çınar', 'Dağdelen', 'Günaydın', 'Işıklar', 'Öztürk', 'Şimşek'],
    phone: unassigned(90),
    questions: [
      'Mavi şehir bisikleti hâlâ var mı?',
      'Çocuk koltuğu ne kadar?',
      'Cumartesi deneme sürüşü yapabilir miyim?',
    ],
    answers: ['Teşekkürler, kulağa hoş geliyor.', 'Teslimat ne kadar tutar?'],
    offers: ['Merhaba! Evet, mağazada. Sizin için ayırayım mı?', 'Teklifimizi az önce gönderdim.'],
    repliesToBroadcast: 'Bahar kampanyası hakkında bilgi almak istiyorum.',
  },
  {
    language: 'ru',
    hoursFromUtc: 3,
    given: ['Алексей', 'Варвара', 'Глеб', 'Дарья', 'Ирина', 'Максим', 'Полина', 'Тимур'],
    family: ['Бондаренко', 'Гнатюк', 'Долгих', 'Коваленко', 'Седых', 'Черных', 'Шевчук', 'Юрченко'],
    phone: unassigned(7),
    questions: ['Синий городской велосипед ещё есть?', 'Сколько стоит детское кресло?', 'Можно прокатиться в субботу?'],
    answers: ['Спасибо, звучит хорошо.', 'Сколько стоит доставка?'],
    offers: ['Здравствуйте! Да, он в магазине. Отложить для вас?', 'Только что отправили вам предложение.'],
    repliesToBroadcast: 'Хочу узнать больше о весеннем предложении.',
  },
  {
    language: 'ar',
    hoursFromUtc: 2,
    given: ['أمل', 'باسم', 'دانة', 'رامي', 'سلمى', 'طارق', 'ليلى', 'نادر'],
    family: ['البستاني', 'الحداد', 'الخطيب', 'الزيات', 'الشامي', 'العطار', 'القاضي', 'النجار'],
    phone: unassigned(20),
    questions: ['هل ما زالت الدراجة الزرقاء متوفرة؟', 'كم سعر مقعد الأطفال؟', 'هل يمكنني تجربتها يوم السبت؟'],
    answers: ['شكرا، هذا يناسبني.', 'كم تكلفة التوصيل؟'],
    offers: ['مرحبا! نعم، هي في المتجر. هل أحجزها لك؟', 'أرسلت لك عرضنا الآن.'],
    repliesToBroadcast: 'أريد معرفة المزيد عن عرض الربيع.',
  },
  {
    language: 'hi',
    hoursFromUtc: 5.5,
    given: ['अनिता', 'आदित्य', 'किरण', 'गीता', 'देवेश', 'मीरा', 'रोहित', 'सुनीता'],
    family: ['अग्निहोत्री', 'कुलकर्णी', 'चौहान', 'जोशी', 'त्रिपाठी', 'पाठक', 'भंडारी', 'सक्सेना'],
    phone: unassigned(91),
    questions: ['क्या नीली साइकिल अभी भी उपलब्ध है?', 'बच्चों की सीट कितने की है?', 'क्या मैं शनिवार को चलाकर देख सकता हूँ?'],
    answers: ['धन्यवाद, यह अच्छा लगा।', 'डिलीवरी का खर्च कितना होगा?'],
    offers: ['नमस्ते! हाँ, दुकान में है। क्या आपके लिए रख दूँ?', 'हमने अभी आपको प्रस्ताव भेजा है।'],
    repliesToBroadcast: 'मुझे वसंत ऑफ़र के बारे में और जानना है।',
  },
  {
    language: 'zh',
    hoursFromUtc: 8,
    given: ['思远', '嘉怡', '文博', '晓彤', '志强', '雨欣', '海燕', '明德'],
    family: ['陈', '林', '周', '吴', '郑', '孙', '何', '罗'],
    formatName: (given, family) => family + given,
    phone: unassigned(86),
    questions: ['蓝色的城市自行车还有吗?', '儿童座椅多少钱?', '星期六可以试骑吗?'],
    answers: ['谢谢,听起来不错。', '送货要多少钱?'],
    offers: ['您好!有的,就在店里。要帮您留着吗?', '刚刚把报价发给您了。'],
    repliesToBroadcast: '想了解一下春季优惠。',
  },
  {
    language: 'ja',
    hoursFromUtc: 9,
    given: ['葵', '健太', 'さくら', '正樹', '結衣', '直樹', '美咲', '陽翔'],
    family: ['青木', '石田', '小川', '加藤', '坂本', '西村', '水野', '和田'],
    formatName: (given, family) => `${family} ${given}`,
    phone: unassigned(81),
    questions: ['青いシティバイクはまだありますか。', 'チャイルドシートはいくらですか。', '土曜日に試乗できますか。'],
    answers: ['ありがとうございます。よさそうですね。', '送料はいくらですか。'],
    offers: ['こんにちは。はい、店にございます。お取り置きしましょうか。', '先ほどお見積もりをお送りしました。'],
    repliesToBroadcast: '春のセールについて詳しく知りたいです。',
  },
  {
    language: 'ko',
    hoursFromUtc: 9,
    given: ['가람', '도윤', '민서', '보람', '서연', '소담', '지호', '태오'],
    family: ['강', '남', '문', '백', '서', '안', '윤', '한'],
    formatName: (given, family) => family + given,
    phone: unassigned(82),
    questions: ['파란색 시티 자전거 아직 있나요?', '어린이 안장은 얼마예요?', '토요일에 시승할 수 있을까요?'],
    answers: ['감사합니다, 좋네요.', '배송비는 얼마예요?'],
    offers: ['안녕하세요! 네, 매장에 있습니다. 따로 빼 둘까요?', '방금 견적을 보내 드렸습니다.'],
    repliesToBroadcast: '봄 행사에 대해 더 알고 싶어요.',
  },
  {
    language: 'th',
    hoursFromUtc: 7,
    given: ['กนกวรรณ', 'ชลธิชา', 'ธนกฤต', 'ปรียา', 'พิมพ์ใจ', 'วรากร', 'สมหญิง', 'อนุชา'],
    family: ['แก้วมณี', 'จันทร์เพ็ญ', 'ใจดี', 'ทองดี', 'บุญมี', 'วงศ์ไทย', 'ศรีสุข', 'สุขสวัสดิ์'],
    phone: unassigned(66),
    questions: ['จักรยานสีฟ้ายังมีอยู่ไหม', 'ที่นั่งเด็กราคาเท่าไหร่', 'วันเสาร์ขอลองขี่ได้ไหม'],
    answers: ['ขอบคุณ ฟังดูดี', 'ค่าส่งเท่าไหร่'],
    offers: ['สวัสดีค่ะ มีที่ร้านค่ะ ให้เก็บไว้ให้ไหมคะ', 'เพิ่งส่งใบเสนอราคาให้ค่ะ'],
    repliesToBroadcast: 'อยากทราบรายละเอียดโปรโมชันฤดูใบไม้ผลิ',
  },
];

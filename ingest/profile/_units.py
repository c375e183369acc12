"""The tables of units: UCUM symbols, spellings of devices, UN/CEFACT codes. Data only."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

PREFIXES: Final[dict[str, Fraction]] = {
    p: Fraction(10) ** n
    for p, n in zip("da d c m u n p h k M G T".split(), (1, -1, -2, -3, -6, -9, -12, 2, 3, 6, 9, 12), strict=True)  # noqa: SIM905
}
_WORD_PREFIXES: Final = "nano micro milli centi hecto kilo mega giga 微 毫 厘 千 兆 百"
WORD_PREFIXES: Final = dict(zip(_WORD_PREFIXES.split(), "numchkMGumckMh", strict=True))

# Symbol, what it is (a base in capitals, or a number and units), * where prefixes are allowed.
_DEFINED: Final = """
m LENGTH *; g MASS *; s TIME *; A CURRENT *; K TEMPERATURE *; mol AMOUNT *; cd LIGHT *; rad ANGLE *; bit INFORMATION *
B LEVEL *; B[SPL] LEVEL *; [pH] ACIDITY; {NTU} TURBIDITY; {PSU} SALINITY; {AQI} INDEX; [arb'U] ARBITRARY
min 60 s; h 3600 s; d 86400 s; wk 604800 s; a 31557600 s; mo 2629800 s
L 0.001 m3 *; t 1000000 g *; ar 100 m2 *; deg 0.017453292519943295 rad; [nmi_i] 1852 m; [kn_i] 1852 m/h
[ft_i] 0.3048 m; [in_i] 0.0254 m; [yd_i] 0.9144 m; [mi_i] 1609.344 m; [lb_av] 453.59237 g; [oz_av] 28.349523125 g
[gal_us] 0.003785411784 m3; [cft_i] 0.028316846592 m3; [g] 9.80665 m/s2
[fth_i] 1.8288 m
N 1000 g.m/s2 *; gf 0.00980665 N *; Pa 1 N/m2 *; bar 100000 Pa *; atm 101325 Pa; [psi] 6894.757293168 Pa; m[H2O] 9806.65 Pa *; m[Hg] 133322 Pa *
[in_i'Hg] 3386.3788 Pa; [in_i'H2O] 249.08891 Pa
J 1 N.m *; W 1 J/s *; cal 4.184 J *; [Btu_IT] 1055.05585262 J; [HP] 745.6998715822702 W
V 1 W/A *; Ohm 1 V/A *; S 1 A/V *; C 1 A.s *; F 1 C/V *; Wb 1 V.s *; T 1 Wb/m2 *; H 1 Wb/A *; Hz 1 /s *
lm 1 cd *; lx 1 lm/m2 *; Bq 1 /s *; Ci 37000000000 Bq *; Gy 1 J/kg *; Sv 1 J/kg *; By 8 bit *
Cel 1 K *; [degF] 5/9 K
% 0.01 1; [ppth] 0.001 1; [ppm] 0.000001 1; [ppb] 0.000000001 1
"""  # noqa: E501 - a table


def _defined() -> dict[str, tuple[str, str, bool]]:
    out = {}
    for entry in _DEFINED.replace("\n", ";").split(";"):
        match entry.split():
            case [symbol, base]:
                out[symbol] = ("1", f"={base.lower()}", False)
            case [symbol, base, "*"]:
                out[symbol] = ("1", f"={base.lower()}", True)
            case [symbol, value, unit]:
                out[symbol] = (value, unit, False)
            case [symbol, value, unit, _]:
                out[symbol] = (value, unit, True)
    return out


DEFINED: Final = _defined()
"""Symbol -> number, units it is so many of (or = and a base), whether prefixes are allowed."""


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


# Spellings of one factor that are no UCUM symbols and take prefixes (kWh, mAh, ml).
SYMBOLS: Final = _pairs("""
l L ltr L Wh W.h Ah A.h VA V.A VAh V.A.h var V.A{reactive} VAr V.A{reactive} varh V.A.h{reactive} Ω Ohm Nm N.m bps bit/s ha har
""")  # noqa: E501 - a table
_WORDS: Final = """
m metre metres meter meters 米; km 公里; kg 公斤; um micron microns; [fth_i] fathom fathoms; g gram grams 克; s second seconds sec secs 秒; min minute minutes mins 分钟; h hour hours hr hrs 小时 时
d day days 天; wk week weeks; mo month months; a year years yr 年; L litre litres liter liters 升; t tonne tonnes ton tons 吨
W watt watts 瓦; V volt volts 伏 伏特; A ampere amperes amp amps 安 安培; Ohm ohm ohms 欧姆; Hz hertz 赫兹; J joule joules 焦耳 焦; N newton newtons 牛
Pa pascal pascals 帕; lm lumen lumens; lx lux luxes 勒克斯; cd candela; K kelvin kelvins; Cel celsius 摄氏度; [degF] fahrenheit; mol mole moles
S siemens; By byte bytes; bit bits; deg degree degrees °; % percent pct percentage 百分比; har hectare hectares; W.h 瓦时; m3 立方米; m2 平方米
[in_i] inch inches; [ft_i] foot feet ft; [mi_i] mile miles; [yd_i] yard yards; [kn_i] knot knots kts; [lb_av] pound pounds lb lbs
[oz_av] oz ounce ounces; [gal_us] gal gallon gallons; Bq becquerel; Sv sievert; dB decibel decibels 分贝; bar bars; cal 卡; gf 克力
[ppm] ppm ppmv; [ppb] ppb ppbv; m3 cbm; cm3 cc ccm; [psi] psi; [HP] hp; [Btu_IT] btu; [nmi_i] nmi; {vehicles} vehicles vehicle veh cars 辆
{people} people persons person pedestrians 人 人次; {beats} beats beat; {events} events times 次; {count} count counts pcs units items 个
"""  # noqa: E501 - a table
ATOMS: Final = {
    **SYMBOLS,
    **{word: s for e in _WORDS.replace("\n", ";").split(";") if e for s, *words in [e.split()] for word in words},
}
"""Spellings of one factor -> UCUM."""

WHOLE: Final = {
    **_pairs("""
C Cel °C Cel °c Cel oC Cel degC Cel degc Cel deg_c Cel ° deg °F [degF] °f [degF] oF [degF] degF [degF] degf [degF] °K K
mph [mi_i]/h in/h [in_i]/h in/hr [in_i]/h NM [nmi_i] mb mbar Mb Mbit cpm /min w/m2 W/m2 kph km/h kmh km/h kmph km/h kn [kn_i] kt [kn_i] rpm /min r/min /min rev/min /min fps /s cfm [cft_i]/min cfs [cft_i]/s cms m3/s fpm [ft_i]/min gpm [gal_us]/min lpm L/min
bps bit/s kbps kbit/s mbps Mbit/s gbps Gbit/s B By KB kBy kB kBy MB MBy GB GBy TB TBy B/s By/s kB/s kBy/s KB/s kBy/s MB/s MBy/s
%rh % %lel % %vol % vol% % %vol. % ‰ [ppth] ppm.m [ppm].m ppm-m [ppm].m ppmm [ppm].m G [g] gn [g]
dba dB{A} db(a) dB{A} db dB dbm dB{mW} dBm dB{mW} dbi dB ntu {NTU} fnu {NTU} ftu {NTU} psu {PSU} ph [pH] pH [pH] PH [pH] aqi {AQI} iaqi {AQI}
mmhg mm[Hg] mh2o m[H2O] cmh2o cm[H2O] mmh2o mm[H2O] inhg [in_i'Hg] inh2o [in_i'H2O]
in [in_i] ft [ft_i] mi [mi_i] yd [yd_i] nm3 m3{norm} sm3 m3{standard}
kwh kW.h wh W.h kw kW w W v V ma mA hz Hz khz kHz pa Pa kpa kPa hpa hPa mpa MPa gj GJ mj MJ kj kJ kva kV.A kvar kV.A{reactive} mah mA.h
us/cm uS/cm ms/cm mS/cm us/m uS/m kgf/cm2 kgf/cm2 cmwc cm[H2O] mmwc mm[H2O] bpm /min
count 1 counts 1 pcs 1 ratio 1 none 1 unitless 1 dimensionless 1
"""),  # noqa: E501 - a table
    "deg C": "Cel",
    "deg F": "[degF]",
    "度": "deg",
    "mm Hg": "mm[Hg]",
    "in Hg": "[in_i'Hg]",
    "cm H2O": "cm[H2O]",
    "mm H2O": "mm[H2O]",
    "in H2O": "[in_i'H2O]",
    "degrees true": "deg",
    "degrees magnetic": "deg",
    "% rh": "%",
    "percent relative humidity": "%",
    "parts per million": "[ppm]",
    "parts per billion": "[ppb]",
    "inches of water": "[in_i'H2O]",
    "inches of mercury": "[in_i'Hg]",
    "millimeters of mercury": "mm[Hg]",
    "millimeters of water": "mm[H2O]",
    "us gallons per minute": "[gal_us]/min",
    "standard cubic feet per minute": "[cft_i]{standard}/min",
    "no units": "1",
    "kilowatthours": "kW.h",
    "度电": "kW.h",
    **dict.fromkeys(("转/分", "转/分钟", "次/分", "次/分钟"), "/min"),
}
"""Spellings of a whole unit, as they stand or in small letters -> UCUM."""

CODES: Final = _pairs("""
CEL Cel FAH [degF] KEL K C62 1 P1 % EA 1 NPR 1 59 [ppm] 61 [ppb] NX [ppth] DD deg C81 rad
MTR m KMT km DMT dm CMT cm MMT mm 4H um C45 nm INH [in_i] FOT [ft_i] YRD [yd_i] SMI [mi_i] HMT hm
MTK m2 CMK cm2 MMK mm2 KMK km2 HAR har MTQ m3 DMQ dm3 CMQ cm3 MMQ mm3 LTR L MLT mL HLT hL CLT cL GLL [gal_us] FTQ [cft_i]
MTS m/s KMH km/h KNT [kn_i] HM [mi_i]/h MSK m/s2 2M cm/s C16 mm/s H67 mm/h 2A rad/s RPM /min
MQH m3/h MQS m3/s E32 L/h L2 L/min G51 L/s
KGM kg GRM g MGM mg MC ug TNE t LBR [lb_av] ONZ [oz_av] KMQ kg/m3 A93 g/m3 GP mg/m3 GQ ug/m3 M1 mg/L GL g/L
SEC s MIN min HUR h DAY d WEE wk MON mo ANN a C26 ms B98 us
PAL Pa A97 hPa KPA kPa MPA MPa BAR bar MBR mbar ATM atm HN mm[Hg] PS [psi]
NEW N B47 kN NU N.m JOU J KJO kJ 3B MJ GV GJ WHR W.h KWH kW.h MWH MW.h GWH GW.h D14 kcal BTU [Btu_IT]
WTT W KWT kW MAW MW A90 GW C31 mW D46 V.A KVA kV.A MVA MV.A D44 V.A{reactive} KVR kV.A{reactive} K3 kV.A.h{reactive}
VLT V 2Z mV KVT kV AMP A 4K mA B84 uA AMH A.h E09 mA.h OHM Ohm B49 kOhm B75 MOhm SIE S D10 S/m H61 mS/cm G42 uS/cm FAR F
HTZ Hz KHZ kHz MHZ MHz A86 GHz LUX lx LUM lm CDL cd D54 W/m2 2N dB Q30 [pH]
BQL Bq D13 Sv C28 mSv A95 Gy C34 mol A99 bit AD By 2P kBy 4L MBy E34 GBy B10 bit/s C74 kbit/s E20 Mbit/s
""")  # noqa: E501 - a table
"""Common codes of UN/CEFACT recommendation 20, as NGSI writes them in unitCode."""

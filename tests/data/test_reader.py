"""Readers of event data, on small files in the true layouts, on broken ones, and on the real files where they are."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from simlib.data import EVENT_CATEGORIES, EVENT_COLUMNS, chunks, crosswalk, read
from simlib.data.layouts import GDELT_1, GDELT_2
from simlib.errors import ScenarioError

MIDA = (
    "dispnum,stday,stmon,styear,endday,endmon,endyear,outcome,settle,fatality,fatalpre,maxdur,mindur,hiact,hostlev,recip,"
    "numa,numb,ongo2014,version\r\n"
    "2,-9,7,1902,24,1,1903,6,1,0,0,208,178,7,3,0,1,1,0,5\r\n"
    "3,2,5,1913,25,10,1913,4,1,0,0,177,177,20,5,0,1,1,0,5\r\n"
)
MIDB = (
    "dispnum,stabb,ccode,stday,stmon,styear,endday,endmon,endyear,sidea,revstate,revtype1,revtype2,fatality,fatalpre,"
    "hiact,hostlev,orig,version\n2,UKG,200,-9,7,1902,24,1,1903,0,1,1,-9,0,0,0,1,1,5\n"
)
MIDI = (
    "dispnum,incidnum,stday,stmon,styear,endday,endmon,endyear,duration,tbi,fatality,fatalpre,action,hostlev,numa,"
    "version\n3551,3551010,18,10,1993,18,10,1993,1,-9,0,0,1,2,1,5\n"
)
MIDIP = (
    "dispnum,incidnum,stabb,ccode,stday,stmon,styear,endday,endmon,endyear,insidea,sidea,fatality,fatalpre,action,hostlev,"
    "revtype1,revtype2,version\n3551,3551001,USA,2,16,7,1992,16,7,1992,1,1,2,0,7,3,2,0,5\n"
)
MIDI_4 = (
    "DispNum3,IncidNum3,DispNum4,IncidNum4,StDay,StMon,StYear,EndDay,EndMon,EndYear,Duration,TBI,Fatality,FatalPre,Action,"
    "HostLev,NumA,RevType1,RevType2,Version\n3551,3551001,-9,-9,16,7,1992,16,7,1992,1,129,0,0,7,3,13,2,0,4.01\n"
)
ICB1 = (
    "\ufefficb1,crisno,crisname,break,yrtrig,motrig,datrig,yrterm,moterm,daterm,viol\n"
    "ICB1,1,FIRST,9,1918,5,,1920,4,1,3\nICB1,2,SECOND,7,1919,6,77,1919,6,30,1\nICB1,474,SHELL,,,,,,,,\n"
)
ICB2 = (
    "icb2,crisno,cracno,cracid,actor,triggr,yrtrig,motrig,datrig,yrterm,moterm,daterm,viol\n"
    "UCB2,9,1,365,RUS,9,1918,5,2,1920,4,1,3\n"
)
ICBE = (
    "crisno,sent,date,event_type,categories,think,actor,target,conditional,icb_trigger,icb_termination,icb_dates_exact,"
    "in_window,text\n6,24,1919-08-03,action,force;strike,,Romania,Hungary,False,1919-03-20,1919-08-03,True,True,words\n"
)
ICEWS = (
    "Event ID\tEvent Date\tSource Name\tSource Sectors\tSource Country\tEvent Text\tCAMEO Code\tIntensity\t"
    "Target Name\tTarget Sectors\tTarget Country\n"
    '1\t2018-06-01\tThe "Guard\t\tIran\tConsult\t040\t1\tSomebody\t\tIraq\n'
    "2\t2018-06-02\tX\t\tIran\tSign\t0571\t8\tSomebody\t\tIraq\n"
)
ACLED = (
    "event_id_cnty,event_date,year,time_precision,disorder_type,event_type,sub_event_type,actor1,actor2,fatalities,timestamp\n"
    "A1,02 January 2024,2024,2,x,Strategic developments,Agreement,One,Two,0,1\n"
    "A2,2024-01-03,2024,1,x,Battles,Armed clash,One,Two,5,1\n"
)
UCDP = (
    "id,relid,year,type_of_violence,conflict_new_id,side_a,side_b,date_prec,date_start,date_end,best\n"
    "1.0,R,2013.0,1.0,299.0,Government,Rebels,2.0,2013-01-03 00:00:00.000,2013-01-05,2.0\n"
)


def gdelt(names: tuple[str, ...], added: str, code: str = "043", fields: int | None = None) -> str:
    row = dict.fromkeys(names, "")
    row |= {"globaleventid": "1", "sqldate": "20181024", "actor1countrycode": "USA", "actor2code": "VENGOV"}
    row |= {"eventcode": code, "goldsteinscale": "2.8", "dateadded": added, "sourceurl": "https://example.org/a"}
    return "\t".join(list(row.values())[:fields]) + "\n"


GOOD = {
    "MIDA 5.0.csv": (
        MIDA,
        {"date": "1902-07-01", "precision": "month", "code": "7", "category": "mobilise", "intensity": 3},
    ),
    "midb.csv": (MIDB, {"actor": "UKG", "case": "2", "precision": "month", "category": ""}),
    "midi.csv": (MIDI, {"date": "1993-10-18", "code": "1", "category": "threaten", "source": "COW MID 5"}),
    "midip.csv": (MIDIP, {"actor": "USA", "case": "3551", "category": "mobilise", "end": "1992-07-16"}),
    "midi4.csv": (MIDI_4, {"case": "3551", "date": "1992-07-16", "source": "COW MID 4.01"}),
    "icb1.csv": (ICB1, {"date": "1918-05-01", "precision": "month", "end": "1920-04-01", "code": "9", "intensity": 3}),
    "icb2.csv": (ICB2, {"actor": "RUS", "date": "1918-05-02", "precision": "day"}),
    "icbe.csv": (ICBE, {"actor": "Romania", "target": "Hungary", "category": "strike", "case": "6"}),
    "icews.tab": (ICEWS, {"actor": "Iran", "target": "Iraq", "code": "040", "category": "negotiate", "intensity": 1}),
    "acled.csv": (ACLED, {"date": "2024-01-02", "precision": "week", "category": "treaty", "actor": "One"}),
    "ucdp.csv": (UCDP, {"date": "2013-01-03", "end": "2013-01-05", "precision": "week", "case": "299", "intensity": 2}),
    "gdelt2.CSV": (
        gdelt(GDELT_2, "20191024143000"),
        {"date": "2018-10-24", "known_on": "2019-10-24", "target": "VENGOV", "code": "043", "source": "GDELT 2"},
    ),
    "gdelt1.tsv": (gdelt(GDELT_1, "20160728"), {"known_on": "2016-07-28", "actor": "USA", "source": "GDELT 1"}),
    "gdelt1-old.tsv": (gdelt(GDELT_1, "20160728", fields=57), {"date": "2018-10-24", "category": "negotiate"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_layout_is_recognised_and_read(name, tmp_path):
    text, expected = GOOD[name]
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    frame = read(tmp_path / name)
    assert tuple(frame.columns) == EVENT_COLUMNS
    first = frame.iloc[0]
    for column, value in expected.items():
        assert first[column] == (pd.Timestamp(value) if column in ("date", "end", "known_on") else value), column


def test_a_vague_day_is_no_day_and_a_blank_shell_no_crisis(tmp_path):
    (tmp_path / "icb1.csv").write_text(ICB1, encoding="utf-8")
    frame = read(tmp_path / "icb1.csv")
    assert frame["case"].tolist() == ["1", "2"]
    assert frame["precision"].tolist() == ["month", "month"]


def test_background_from_before_a_crisis_belongs_to_no_case(tmp_path):
    before = ICBE.splitlines()[1].replace("1919-08-03,action", "1917-01-01,action").replace("True,True", "True,False")
    (tmp_path / "icbe.csv").write_text(f"{ICBE}{before}\n", encoding="utf-8")
    assert read(tmp_path / "icbe.csv")["case"].tolist() == ["6", ""]


def test_a_lone_quotation_mark_swallows_nothing(tmp_path):
    (tmp_path / "icews.tab").write_text(ICEWS, encoding="utf-8")
    assert read(tmp_path / "icews.tab")["category"].tolist() == ["negotiate", "treaty"]


def test_compressed_files_are_read_as_they_are(tmp_path):
    with gzip.open(tmp_path / "mida.csv.gz", "wt", newline="") as file:
        file.write(MIDA)
    with zipfile.ZipFile(tmp_path / "mida.csv.zip", "w") as folder:
        folder.writestr("mida.csv", MIDA)
    pd.testing.assert_frame_equal(read(tmp_path / "mida.csv.gz"), read(tmp_path / "mida.csv.zip"))


def test_latin_letters_of_an_older_file_are_read(tmp_path):
    (tmp_path / "icbe.csv").write_bytes(ICBE.replace("Romania", "Curaçao").encode("latin-1"))
    assert read(tmp_path / "icbe.csv")["actor"].tolist() == ["Curaçao"]


def test_chunks_add_up_to_the_whole(tmp_path):
    rows = [gdelt(GDELT_2, "20191024143000", code) for code in ("010", "057", "190", "191", "112")]
    (tmp_path / "gdelt.csv").write_text("".join(rows))
    parts = list(chunks(tmp_path / "gdelt.csv", rows=2))
    assert [len(part) for part in parts] == [2, 2, 1]
    told = pd.concat(part.astype(object) for part in parts)["category"].tolist()
    assert (
        told
        == ["statement", "treaty", "strike", "blockade", "statement"]
        == read(tmp_path / "gdelt.csv")["category"].tolist()
    )


BROKEN = {
    "empty": ("", "the file is empty"),
    "blank": ("\n\n", "the file is empty"),
    "a pointer": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer to a file"),
    "an annexed pointer": ("/annex/objects/MD5E-s1--a.csv\n", "a pointer to a file"),
    "semicolons": (MIDA.replace(",", ";"), "with semicolons between its fields; expected commas"),
    "commas for tabs": (ICEWS.replace("\t", ","), "with commas between its fields; expected tabs"),
    "an unknown header": ("year,month,what\n1,2,3\n", "no known layout begins with 'year,month,what'"),
    "two layouts in one": (gdelt(GDELT_1, "20160728") + gdelt(GDELT_2, "20191024143000"), "rows have 58, 61 fields"),
    "cut off": (gdelt(GDELT_2, "20191024143000") * 2 + "1\t2018", "cut off, or not of GDELT 2"),
    "rows of another layout": (MIDA + ",".join(["x"] * 40) + "\n", "cannot be read as COW MID disputes"),
    "only a header's half": (MIDA[:40], "no known layout"),
    "no text": ("PK\x03\x04\0\0\0", "this is not a text file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_a_sentence_of_its_own(name, tmp_path):
    text, expected = BROKEN[name]
    (tmp_path / "file.csv").write_text(text, newline="")
    with pytest.raises(ScenarioError, match=expected) as refused:
        read(tmp_path / "file.csv")
    assert "file.csv" in str(refused.value)


def test_the_line_that_is_cut_off_is_named(tmp_path):
    (tmp_path / "file.csv").write_text(gdelt(GDELT_2, "20191024143000") * 2 + "1\t2018")
    with pytest.raises(ScenarioError, match=r"file.csv:3: "):
        read(tmp_path / "file.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ScenarioError, match="is a folder"):
        read(tmp_path)


def test_the_crosswalk_speaks_the_categories_and_says_each_code_once():
    table = crosswalk()
    assert set(table["category"]) - {""} <= set(EVENT_CATEGORIES)
    assert not table.duplicated(["scheme", "code"]).any()


REAL = Path(os.environ.get("SIMLIB_DATA", ""))
ROWS = {
    "MIDA 5.0.csv": 2436,
    "MIDB 5.0.csv": 5883,
    "MIDI 5.0.csv": 4483,
    "MIDIP 5.0.csv": 9619,
    "MIDI_4.01.csv": 3316,
    "icb1v14.csv": 486,
    "icb2v14.csv": 1077,
    "20191024143000.export.CSV": 2111,
    "gdelt1_sample_events.tsv": 710,
    "icews_events.2018.sample.tab": 3705,
    "ucdp_ged_v23_sample1000.csv": 1000,
    "icbe_dated_events.csv": 10029,
}


@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
@pytest.mark.parametrize("name", ROWS)
def test_the_real_files_are_read_whole(name):
    frame = read(REAL / name)
    assert len(frame) == ROWS[name]
    assert frame["date"].notna().all()
    assert (frame["category"] != "").any() or name.startswith("icb")

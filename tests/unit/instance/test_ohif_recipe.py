import io
import tarfile
from pathlib import Path

import pytest

from sidecar.instance import ohif, ohif_recipe

PACKAGE = {
    "index.html": "<script>inline()</script>",
    "app.bundle.1a.js": 'var a=__webpack_require__;__webpack_require__.p = "/";"decodeTask";',
    "8097.bundle.2b.js": '__webpack_require__.p = "/";decodeTask();',
    "app.bundle.css": "@font-face{src:url(/f.woff2)}",
    "f.woff2": "font",
    "assets/favicon.ico": "icon",
    "ort/model.wasm": "big",
    "sw.js": "offline()",
    "8097.bundle.2b.js.map": "{}",
    "app-config.js": "theirs()",
}


def packed(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
    return path


def prepare(folder: Path, files: dict[str, str]) -> Path:
    """Run the recipe with a minifier that changes nothing."""
    target = folder / "prepared"
    ohif_recipe.build(packed(folder, files), target, Path("/bin/true"), lambda _: None)
    return target


def test_what_we_do_not_use_is_left_out(tmp_path: Path) -> None:
    names = {str(p.relative_to(tmp_path / "prepared")) for p in prepare(tmp_path, PACKAGE).rglob("*") if p.is_file()}
    assert {n for n in names if not n.endswith(".gz")} == {
        "index.html", "start.js", "app.bundle.1a.js", "8097.bundle.2b.js", "app.bundle.css", "f.woff2", "assets/favicon.ico",
    }  # fmt: skip


def test_everything_is_moved_and_nothing_is_inline(tmp_path: Path) -> None:
    viewer = prepare(tmp_path, PACKAGE)
    assert '__webpack_require__.p = "/ohif/"' in (viewer / "app.bundle.1a.js").read_text()
    assert "url(/ohif/f.woff2)" in (viewer / "app.bundle.css").read_text()
    assert "inline" not in (viewer / "index.html").read_text()
    assert ohif.decode_worker_name(viewer) == "8097.bundle.2b.js"


def test_a_package_without_its_decode_worker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ohif_recipe.RecipeError, match="decode worker"):
        prepare(tmp_path, {**PACKAGE, "8097.bundle.2b.js": "nothing()"})


def test_a_style_that_loads_from_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ohif_recipe.RecipeError, match=r"app\.bundle\.css refers to https"):
        prepare(tmp_path, {**PACKAGE, "app.bundle.css": "a{background:url(https://elsewhere.example/x.png)}"})


def test_a_page_with_inline_script_or_a_foreign_link_is_refused(tmp_path: Path) -> None:
    viewer = prepare(tmp_path, PACKAGE)
    for page in ("<script>x()</script>", "<body onload='x()'>", "<script src='https://elsewhere.example/x.js'></script>"):
        (viewer / "index.html").write_text(page)
        with pytest.raises(ohif_recipe.RecipeError, match=r"index\.html"):
            ohif_recipe.check(viewer)


def test_another_package_than_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "npm"
    program.write_text("#!/bin/sh\necho other > ohif-app.tgz\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ohif.OhifError, match="not the pinned package"):
        ohif.prepare_ohif(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("ohif-3*"))


def test_a_file_outside_the_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ohif_recipe.RecipeError, match="outside itself"):
        ohif_recipe.unpack(packed(tmp_path, {"../../elsewhere.js": "x"}), tmp_path / "prepared")
    assert not (tmp_path / "elsewhere.js").exists()

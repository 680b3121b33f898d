"""The page that report.py fills: markup and style, nothing computed. Double braces are literal braces."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ --ink: #1d2433; --soft: #667085; --line: #e4e7ec; --accent: #0072b2; --back: #f6f7f9; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--back); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }}
main {{ max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }}
header p {{ margin: 0; color: var(--soft); }}
h1 {{ margin: 0 0 .25rem; font-size: 1.7rem; }}
h2 {{ margin: 0 0 .75rem; font-size: 1.1rem; }}
section {{ background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem;
  margin-top: 1.25rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .93rem; }}
th, td {{ padding: .4rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }}
th {{ color: var(--soft); font-weight: 600; }}
th:first-child, td:first-child {{ text-align: left; }}
tbody td:nth-child(2) {{ font-weight: 600; }}
tbody tr:hover {{ background: var(--back); }}
.warning {{ color: #b54708; font-style: normal; font-size: .85em; font-weight: 600; }}
.note {{ color: var(--soft); font-size: .88rem; margin: .75rem 0 0; }}
dl {{ display: grid; grid-template-columns: minmax(9rem, 15rem) 1fr; gap: .35rem 1rem; margin: .75rem 0 0; }}
dt {{ color: var(--soft); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
.figures {{ display: flex; flex-wrap: wrap; gap: 1.25rem; justify-content: center; align-items: flex-end; }}
figure {{ margin: 0; max-width: 100%; }}
figure img {{ max-width: 100%; height: auto; display: block; margin: 0 auto; }}
figcaption {{ color: var(--soft); font-size: .85rem; text-align: center; margin-top: .35rem; }}
summary {{ cursor: pointer; font-weight: 600; }}
pre {{ overflow-x: auto; background: var(--back); padding: .9rem; border-radius: 6px; font-size: .82rem; }}
@media (max-width: 640px) {{ dl {{ grid-template-columns: 1fr; }} dd {{ margin-bottom: .4rem; }} }}
</style>
</head>
<body>
<main>
<header><h1>{title}</h1><p>Zero-shot activity recognition: one run on one split</p></header>
<section>
<h2>Results</h2>
{summary}
<p class="note">Percent. Intervals: 95 % percentile bootstrap over test subjects (over recordings if there are
fewer than three subjects). Chance: a uniform guess, for AUSUC random scores, for the gate a coin. Majority:
always the unseen class with most test windows.</p>
</section>
<section>
<h2>Protocol</h2>
<p>Models were fitted on windows of seen classes of the train subjects; unseen classes entered by their
descriptions only. The choices listed last were made on inner folds, which hold out seen classes as
pseudo-unseen, with windows of validation subjects. Test subjects entered the evaluation only.</p>
<dl>{protocol}</dl>
</section>
<section><h2>Figures</h2><div class="figures">{figures}</div></section>
<section>
<h2>Each class</h2>
{per_class}
<p class="note">Test windows predicted rightly: among unseen classes (ZSL), among all classes (GZSL).</p>
</section>
<section><details><summary>Configuration</summary><pre>{config}</pre></details></section>
<section><details><summary>Environment</summary><pre>{environment}</pre></details></section>
</main>
</body>
</html>
"""

/** The whole look of a report: light or dark as the reader has set, nothing loaded. */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--ground:#fff;--soft:#5b6470;--line:#d5dae0;--good:#1a7f4b;--bad:#b3261e;--plain:#3b6fb6}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebef;--ground:#14171b;--soft:#a7b0bb;--line:#3a424c;--good:#5cc98d;--bad:#ff8a80;--plain:#8ab4f0}}
body{margin:2rem auto;max-width:60rem;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
.verdict{font-size:1.25rem;font-weight:600}.soft{color:var(--soft)}
svg{width:100%;height:auto;max-width:42rem}svg text{font:14px system-ui,sans-serif;fill:var(--ink)}
rect.good{fill:var(--good)}rect.bad{fill:var(--bad)}rect.plain{fill:var(--plain)}
.scroll{overflow-x:auto}.scroll:focus-visible{outline:3px solid var(--plain)}
table{border-collapse:collapse}th,td{padding:.3rem .8rem;border-bottom:1px solid var(--line);text-align:right}th:first-child{text-align:left}
`;

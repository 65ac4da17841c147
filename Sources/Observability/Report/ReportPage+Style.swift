extension ReportPage {
    /// Layout and type. Colours are properties of the palette: what is drawn in a series' colour has a class for it, and no
    /// rule colours an element by its kind alone, for that would override the class.
    static let style = """
        *{box-sizing:border-box}
        body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--bg)}
        main{max-width:64rem;margin:0 auto;padding:1rem}
        h1{font-size:1.35rem;line-height:1.25;overflow-wrap:anywhere}
        h2{font-size:1.15rem;margin:2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--rule)}
        h3{font-size:1rem;margin:0 0 .3rem}
        p,li,dd{overflow-wrap:anywhere;max-width:46rem}
        ul{padding-left:1.2rem}li{margin:.2rem 0}
        .answer{font-size:1.2rem;line-height:1.4;font-weight:600}
        .muted,.missing{color:var(--muted);font-size:.9rem}
        .missing::before{content:"– "}
        dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.15rem 1rem;margin:.6rem 0}
        dt{color:var(--muted)}dd{margin:0}
        figure{margin:1rem 0;break-inside:avoid}figcaption{font-weight:600}figure p{margin:.2rem 0 .4rem}
        .figures{display:grid;gap:.5rem 2rem}
        .figures figure{max-width:36rem}
        @media(min-width:52rem){.figures{grid-template-columns:1fr 1fr}}
        svg{display:block;width:100%;height:auto;font:14px system-ui,sans-serif}
        .axis,.tick{fill:var(--muted)}.name{fill:var(--text)}
        .grid{stroke:var(--rule)}.zero,.leader{stroke:var(--muted)}
        .line{fill:none;stroke-width:2;stroke-linejoin:round}.bar{fill:none;stroke-width:3}
        .pale{fill:none;stroke-width:1;opacity:.45}.dot{fill:none;stroke-width:1.2;opacity:.75}
        .edge{stroke:var(--muted);opacity:.7}.node{fill:var(--c0);stroke:var(--bg);stroke-width:1.5}
        .span{fill:var(--c0);opacity:.55}
        .s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}
        .s4{stroke:var(--c4)}.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}
        .f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
        .f4{fill:var(--c4)}.f5{fill:var(--c5)}.f6{fill:var(--c6)}.f7{fill:var(--c7)}
        .scroll{overflow:auto;max-height:36rem;max-width:100%;margin:.8rem 0;border:1px solid var(--rule);border-radius:.4rem}
        .scroll:focus-visible{outline:3px solid var(--link)}
        table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;white-space:nowrap}
        caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--rule)}
        thead th{position:sticky;top:0;background:var(--surface);font-weight:600}
        tbody th{position:sticky;left:0;background:var(--surface);font-weight:400;text-align:left;max-width:14rem;overflow:hidden;text-overflow:ellipsis}
        thead th:first-child{text-align:left}
        .heat th,.heat td{padding:.3rem .45rem}.heat td{text-align:center;border:1px solid var(--bg)}.none{color:var(--muted)}
        .legend{font-size:.9rem}.swatches{display:inline-flex;vertical-align:middle}
        .swatches span{display:inline-block;width:1.1rem;height:.9rem;border:1px solid var(--rule)}
        .samples{display:grid;gap:1rem}@media(min-width:52rem){.samples{grid-template-columns:1fr 1fr}}
        article{background:var(--surface);border-radius:.5rem;padding:.8rem 1rem;break-inside:avoid;min-width:0}
        .question{white-space:pre-wrap;margin:.2rem 0;max-height:12rem;overflow:auto}article dd{white-space:pre-wrap}
        @media print{body{font-size:10pt}main{max-width:none;padding:0}.scroll{overflow:visible;max-height:none;border:0}
        table{font-size:8pt}th,td{padding:.15rem .3rem;white-space:normal}thead th,tbody th{position:static}tbody th{white-space:nowrap}
        .figures{grid-template-columns:1fr 1fr}section{break-inside:auto}h2{break-after:avoid}
        .h0,.h1,.h2,.h3,.h4,.h5,.h6,.h7,.h8{print-color-adjust:exact;-webkit-print-color-adjust:exact}}

        """
}

package import Branding
package import Kernel

/// A monthly report as one printable page: A4, the tenant's language and zone, the partner's brand, no parts that act.
///
/// The same HTML is served and made into a PDF. Every figure on it is read from the frozen document; what is written here only
/// words and orders them.
package struct ReportSheet: Sendable {
    /// Misses whose intervals are printed; the others show their sums, and the data has all.
    static let tracedMax = 12
    static let intervalsMax = 10

    /// Who signed, when.
    package struct Signature: Sendable {
        package let name: String
        package let at: Moment

        package init(name: String, at: Moment) {
            self.name = name
            self.at = at
        }
    }

    /// Pictures by their addresses; empty for none. The press fetches nothing, so there they are the bytes themselves.
    package struct Pictures: Sendable {
        package let logo: String
        package let cover: String

        package init(logo: String = "", cover: String = "") {
            self.logo = logo
            self.cover = cover
        }
    }

    /// What a brand writes on reports; empty for nothing.
    package struct Imprint: Sendable {
        package let header: String
        package let footer: String
        package let disclaimer: String
        package let watermark: String

        package init(header: String = "", footer: String = "", disclaimer: String = "", watermark: String = "") {
            self.header = header
            self.footer = footer
            self.disclaimer = disclaimer
            self.watermark = watermark
        }
    }

    let document: JSONValue
    let hash: String
    let brand: BrandMark
    let imprint: Imprint
    /// Drawings bear their colours themselves: the press does not style what is inside them.
    let palette: Palette
    let signature: Signature?
    let words: ReportWords
    let zone: ZoneRules

    /// Refuses a document whose zone this machine does not know.
    package init(
        _ document: JSONValue, hash: String, brand: BrandMark, theme: BrandTheme, imprint: Imprint = Imprint(),
        signature: Signature?
    ) throws(Refusal) {
        self.document = document
        self.hash = hash
        self.brand = brand
        self.imprint = imprint
        palette = theme.light
        self.signature = signature
        words = ReportWords.of(document["language"]?.string ?? "en")
        zone = try ZoneRules.load(document["timezone"]?.string ?? "UTC")
    }

    /// `Service report, October 2026`.
    package var title: String { "\(words.title), \(words.month(document["month"]?.string ?? ""))" }

    var number: String { "SR-\(document["number"]?.int64 ?? 0)" }

    /// As files are called: `service-report-brightwater-2026-10-r1.pdf`.
    package var fileName: String {
        let parts = [document["tenant"]?.string ?? "", document["month"]?.string ?? "", "r\(document["revision"]?.int64 ?? 1)"]
        return "service-report-" + parts.joined(separator: "-")
    }

    /// The sentence at the head: what a person wrote, or what follows from the figures.
    package var summary: String {
        if let written = document["summary"]?.string { return written }
        let objectives = document["figures"]?["objectives"]?.array ?? []
        func sum(_ name: String) -> Int64 { objectives.reduce(0) { $0 + ($1[name]?.int64 ?? 0) } }
        let missed = sum("missed")
        let rest =
            missed == 0
            ? "" : missed == 1 ? words.autoMissedOne : words.fill(words.autoMissedMany, ["count": words.count(missed)])
        return words.fill(
            words.autoSummary,
            [
                "month": words.month(document["month"]?.string ?? ""), "met": words.count(sum("met")),
                "n": words.count(sum("n")), "rest": rest,
            ]
        ).trimmedEnd()
    }

    package var recommendations: [String] {
        if let written = document["recommendations"]?.array { return written.compactMap(\.string) }
        return (document["advice"]?.array ?? []).compactMap { advice in
            guard let code = advice["code"]?.string, let text = words.advice[code] else { return nil }
            let subject = advice["subject"]?.string ?? ""
            return words.fill(
                text,
                [
                    "subject": words.causes[subject] ?? subject, "count": words.count(advice["count"]?.int64 ?? 0),
                    "of": words.count(advice["of"]?.int64 ?? 0), "span": words.span(advice["count"]?.int64 ?? 0),
                ])
        }
    }

    /// Subject and words of the mail that carries the report; `path` is its page, and `footer` what stands below.
    package func letter(path: String, hasFile: Bool, footer: [String] = []) -> (subject: String, text: String) {
        let values = [
            "number": number, "month": words.month(document["month"]?.string ?? ""),
            "tenant": document["tenantName"]?.string ?? "", "summary": summary, "path": path,
        ]
        return (
            "\(brand.name): \(words.fill(words.mailSubject, values))",
            words.fill(words.mailText + (hasFile ? words.mailWithFile : words.mailWithoutFile), values)
                + (footer.isEmpty ? "" : "\n-- \n" + footer.map { $0 + "\n" }.joined())
        )
    }

    /// The page with its styles linked, as a browser gets it under our content policy.
    package func html(links: [String], pictures: Pictures = Pictures()) -> String {
        page(pictures, head: links.map { "<link rel=\"stylesheet\" href=\"\(Markup.escaped($0))\">" }.joined())
    }

    /// The page with its styles inside, for the press, which fetches nothing.
    package func html(styles: [String], pictures: Pictures = Pictures()) -> String {
        // A style sheet of ours holds no end tag; were there one, the page would break and nothing else.
        page(pictures, head: styles.map { "<style>\($0)</style>" }.joined())
    }

    private func page(_ pictures: Pictures, head: String) -> String {
        var page = Drawing()
        page.paragraph(imprint.watermark, css: "watermark")
        header(pictures, &page)
        commitments(&page)
        misses(&page)
        availability(&page)
        incidents(&page)
        credits(&page)
        trend(&page)
        advice(&page)
        ending(&page)
        return "<!doctype html><html lang=\"\(Markup.escaped(words.language))\"><head><meta charset=\"utf-8\">"
            + "<meta name=\"viewport\" content=\"width=device-width\"><title>\(Markup.escaped(title))</title>"
            + "<meta name=\"author\" content=\"\(Markup.escaped(brand.name))\">\(head)</head>"
            + "<body class=\"sheet\"><main>\(page.html)</main></body></html>"
    }

    // MARK: Parts

    private func header(_ pictures: Pictures, _ page: inout Drawing) {
        page.open("header")
        if !pictures.cover.isEmpty { page.element("img", ["class": "cover", "src": pictures.cover, "alt": ""]) }
        // The name stands beside its logo, for those who see no pictures and for whoever searches the file.
        if !pictures.logo.isEmpty { page.element("img", ["class": "logo", "src": pictures.logo, "alt": ""]) }
        page.paragraph(brand.name, css: "brandline")
        page.paragraph(imprint.header, css: "quiet")
        page.heading(1, title)
        page.paragraph(document["tenantName"]?.string ?? "", css: "tenant")
        let version = document["version"]?.string ?? ""
        var line = [
            "\(document["title"]?.string ?? "") \(version)", words.fill(words.report, ["number": number]),
            words.fill(words.revision, ["revision": "\(document["revision"]?.int64 ?? 1)"]),
        ]
        if let from = document["from"]?.moment, let to = document["to"]?.moment {
            line.append("\(words.moment(from, zone)) – \(words.moment(to, zone)) \(zone.identifier)")
        }
        page.paragraph(line.joined(separator: " · "), css: "meta")
        page.paragraph(
            "\(number) · \(words.month(document["month"]?.string ?? "")) · SHA-256 \(HashText.short(hash))", css: "running")
        page.close("header")
        if let amends = document["amends"], !amends.isNull { amended(amends, &page) }
        page.heading(2, words.summary)
        page.paragraph(summary, css: "lead")
    }

    private func amended(_ amends: JSONValue, _ page: inout Drawing) {
        page.open("section", ["class": "note"])
        page.paragraph(
            words.fill(
                words.amends,
                ["revision": "\(amends["revision"]?.int64 ?? 0)", "reason": amends["reason"]?.string ?? ""]))
        let changes = amends["changes"]?.array ?? []
        if !changes.isEmpty {
            page.paragraph(words.changes, css: "strong")
            page.open("ul")
            for change in changes {
                page.item(
                    "\(change["place"]?.string ?? ""): \(change["was"]?.plain ?? "–") → \(change["is"]?.plain ?? "–")")
            }
            page.close("ul")
        }
        page.close("section")
    }

    private func commitments(_ page: inout Drawing) {
        page.heading(2, words.commitments)
        page.open("table", ["class": "figures"])
        page.head(words.commitmentHeads, numbers: 1...8)
        for one in document["figures"]?["objectives"]?.array ?? [] {
            func number(_ name: String) -> String { words.count(one[name]?.int64 ?? 0) }
            let (met, n) = (one["met"]?.int64 ?? 0, one["n"]?.int64 ?? 0)
            let outcome = one["kept"]?.bool.map { $0 ? words.kept : words.notKept } ?? words.noCase
            page.row(
                [
                    one["title"]?.string ?? "", words.target(one["targetSeconds"]?.int64 ?? 0),
                    words.percent(ofShare: one["atLeast"]?.string ?? ""), number("n"), number("met"), number("missed"),
                    number("excluded"), number("openAtEnd"), words.share(met, of: n), outcome,
                ], numbers: 1...8, css: one["kept"]?.bool == false ? "bad" : "")
        }
        page.close("table")
    }

    private func misses(_ page: inout Drawing) {
        page.heading(2, words.missed)
        let listed = document["breaches"]?.array ?? []
        guard !listed.isEmpty else { return page.paragraph(words.noMissed) }
        for (index, one) in listed.enumerated() { miss(one, isTraced: index < ReportSheet.tracedMax, &page) }
        let more = (document["breachesTotal"]?.int64 ?? 0) - Int64(listed.count)
        if more > 0 { page.paragraph(words.fill(words.moreMissed, ["count": words.count(more)])) }
    }

    private func miss(_ one: JSONValue, isTraced: Bool, _ page: inout Drawing) {
        page.open("section", ["class": "miss"])
        let objective = (document["figures"]?["objectives"]?.array ?? []).first { $0["name"] == one["objective"] }
        let subject = one["run"]?.string ?? one["onboarding"]?.string
        let about = subject.map { String($0.suffix(8)) } ?? one["incident"]?.string ?? ""
        page.heading(
            3,
            "\(objective?["title"]?.string ?? one["objective"]?.string ?? ""), \(about)"
        )
        let (elapsed, target) = (one["elapsedSeconds"]?.int64 ?? 0, one["targetSeconds"]?.int64 ?? 0)
        var line = ["\(words.missedHeads[1]) \(one["breachedAt"]?.moment.map { words.moment($0, zone) } ?? "")"]
        line.append("\(words.missedHeads[2]) \(words.span(elapsed)) \(words.of) \(words.span(target))")
        if elapsed > target { line.append(words.fill(words.over, ["span": words.span(elapsed - target)])) }
        page.paragraph(line.joined(separator: " · "), css: "meta")
        if let written = one["justification"], !written.isNull {
            let cause = written["cause"]?.string ?? ""
            page.paragraph(
                words.fill(words.cause, ["cause": words.causes[cause] ?? cause]) + ". " + (written["text"]?.string ?? ""))
            if written["excluded"]?.bool == true { page.paragraph(words.excluded, css: "strong") }
        } else {
            page.paragraph(words.unexplained, css: "quiet")
        }
        let sums = (one["seconds"]?.array ?? []).map {
            "\(words.reason($0["reason"]?.string ?? "")) \(words.span($0["seconds"]?.int64 ?? 0))"
        }
        page.paragraph("\(words.trace): " + sums.joined(separator: " · "), css: "quiet")
        let trace = one["trace"]?.array ?? []
        if isTraced, !trace.isEmpty {
            page.open("table", ["class": "trace"])
            for interval in trace.prefix(ReportSheet.intervalsMax) {
                guard let from = interval["from"]?.moment, let to = interval["to"]?.moment else { continue }
                page.row(
                    [
                        "\(words.moment(from, zone)) – \(words.moment(to, zone))", words.span(to.seconds - from.seconds),
                        words.reason(interval["reason"]?.string ?? ""),
                    ], numbers: 1...1, css: interval["counted"]?.bool == true ? "counted" : "")
            }
            page.close("table")
            if trace.count > ReportSheet.intervalsMax { page.paragraph(words.traceCut, css: "quiet") }
        }
        page.close("section")
    }

    private func availability(_ page: inout Drawing) {
        page.heading(2, words.availability)
        guard let one = document["figures"]?["availability"], !one.isNull else { return page.paragraph(words.noAvailability) }
        let (agreed, down) = (one["agreedSeconds"]?.int64 ?? 0, one["downtimeSeconds"]?.int64 ?? 0)
        page.open("table", ["class": "figures"])
        page.head(words.availabilityHeads, numbers: 0...3)
        page.row(
            [
                words.span(agreed), words.span(one["excludedSeconds"]?.int64 ?? 0), words.span(down),
                words.share(agreed - down, of: agreed), one["met"]?.bool == true ? words.kept : words.notKept,
            ], numbers: 0...3, css: one["met"]?.bool == true ? "" : "bad")
        page.close("table")
    }

    private func incidents(_ page: inout Drawing) {
        page.heading(2, words.incidents)
        guard let one = document["figures"]?["incidents"], (one["n"]?.int64 ?? 0) > 0 else {
            return page.paragraph(words.noIncidents)
        }
        page.open("table", ["class": "figures"])
        page.head(words.incidentHeads, numbers: 1...4)
        for (name, title) in [("acknowledge", "MTTA"), ("resolve", "MTTR")] {
            let interval = one["response"]?[name]
            page.row(
                [
                    title, interval?["medianSeconds"]?.int64.map { words.span($0) } ?? "–",
                    interval?["p90Seconds"]?.int64.map { words.span($0) } ?? "–",
                    "n = \(words.count(interval?["n"]?.int64 ?? 0))", words.count(interval?["excluded"]?.int64 ?? 0),
                ], numbers: 1...4)
        }
        page.close("table")
        page.open("table", ["class": "list"])
        for item in document["incidents"]?.array ?? [] {
            let ended = item["resolvedAt"]?.moment.map { words.moment($0, zone) } ?? words.notEnded
            page.row(
                [
                    "INC-\(item["number"]?.int64 ?? 0)", item["severity"]?.string ?? "", item["alert"]?.string ?? "",
                    "\(item["openedAt"]?.moment.map { words.moment($0, zone) } ?? "") – \(ended)",
                ], numbers: nil)
        }
        page.close("table")
    }

    private func credits(_ page: inout Drawing) {
        page.heading(2, words.credits)
        guard let one = document["figures"]?["credits"], !one.isNull, let percent = one["percent"]?.string, percent != "0" else {
            return page.paragraph(words.noCredits)
        }
        let amount =
            one["amount"]?.string.map { "\(one["currency"]?.string ?? "") \(MoneyText(locale: words.language).grouped($0))" }
            ?? words.creditNoFee
        page.paragraph(
            words.fill(words.creditLine, ["percent": words.percent(percent), "amount": amount]), css: "lead")
        if one["isCapped"]?.bool == true {
            page.paragraph(words.fill(words.creditCapped, ["earned": words.percent(one["earnedPercent"]?.string ?? "")]))
        }
    }

    private func advice(_ page: inout Drawing) {
        let recommended = recommendations
        guard !recommended.isEmpty else { return }
        page.heading(2, words.recommendations)
        page.open("ol")
        for text in recommended { page.item(text) }
        page.close("ol")
    }

    private func ending(_ page: inout Drawing) {
        page.open("section", ["class": "ending"])
        page.heading(2, words.signature)
        if let signature {
            page.paragraph(
                words.fill(words.signedBy, ["name": signature.name, "date": words.moment(signature.at, zone)]), css: "signed")
        } else {
            page.paragraph(words.unsigned, css: "open")
        }
        page.heading(2, words.data)
        page.paragraph(
            words.fill(
                words.dataText,
                [
                    "lines": words.count(document["dataLines"]?.int64 ?? 0),
                    "hash": HashText.short(document["dataHash"]?.string ?? "", groups: 16), "zone": zone.identifier,
                    "version": document["zoneVersion"]?.string ?? "",
                    "date": document["builtAt"]?.moment.map { words.moment($0, zone) } ?? "",
                ]), css: "quiet")
        page.paragraph("\(words.verify) countersign sla report verify \(fileName).json \(fileName).ndjson", css: "code")
        page.paragraph("SHA-256 \(HashText.short(hash, groups: 16))", css: "code")
        page.paragraph(imprint.disclaimer, css: "quiet")
        page.paragraph(imprint.footer, css: "quiet")
        page.close("section")
    }
}

extension Drawing {
    mutating func words(_ text: String) { put(Markup.escaped(text)) }

    mutating func paragraph(_ text: String, css: String = "") {
        guard !text.isEmpty else { return }
        open("p", ["class": css])
        words(text)
        close("p")
    }

    mutating func heading(_ level: Int, _ text: String) {
        open("h\(level)")
        words(text)
        close("h\(level)")
    }

    mutating func item(_ text: String) {
        open("li")
        words(text)
        close("li")
    }

    mutating func head(_ titles: [String], numbers: ClosedRange<Int>?) {
        open("thead")
        open("tr")
        for (index, title) in titles.enumerated() {
            open("th", ["scope": "col", "class": numbers?.contains(index) == true ? "n" : ""])
            words(title)
            close("th")
        }
        close("tr")
        close("thead")
    }

    /// A row of cells; the first one heads it.
    mutating func row(_ cells: [String], numbers: ClosedRange<Int>?, css: String = "") {
        open("tr", ["class": css])
        for (index, cell) in cells.enumerated() {
            let name = index == 0 && numbers?.contains(0) != true ? "th" : "td"
            open(name, ["scope": name == "th" ? "row" : "", "class": numbers?.contains(index) == true ? "n" : ""])
            words(cell)
            close(name)
        }
        close("tr")
    }
}

extension JSONValue {
    /// A figure as words: a text without quotation marks.
    fileprivate var plain: String { string ?? (isNull ? "–" : text) }
}

extension String {
    fileprivate func trimmedEnd() -> String {
        var out = self
        while out.last?.isWhitespace == true { out.removeLast() }
        return out
    }
}

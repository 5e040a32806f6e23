internal import Branding
internal import Console
package import Flow
internal import Kernel
internal import Logging
package import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// The forms in which a report can be had.
enum ReportForm: String, CaseIterable, Sendable {
    case html, pdf, csv
    /// The document with its hash: what `countersign sla report verify` checks.
    case document
    /// The attached data, from which every figure can be computed again.
    case data

    var operation: String {
        switch self {
        case .html: "Page"
        case .pdf: "PDF"
        case .csv: "CSV"
        case .document: "Document"
        case .data: "Data"
        }
    }

    var summary: String {
        switch self {
        case .html: "The report as a page that prints well."
        case .pdf: "The report as a PDF, made of that page."
        case .csv: "Its figures as CSV."
        case .document: "The document and its hash, for checking."
        case .data: "The attached data: a line of JSON for each clock and incident."
        }
    }

    private var type: String {
        switch self {
        case .html: "text/html; charset=utf-8"
        case .pdf: "application/pdf"
        case .csv: "text/csv; charset=utf-8"
        case .document: "application/json"
        case .data: "application/x-ndjson"
        }
    }

    private var ending: String {
        switch self {
        case .html: "html"
        case .pdf: "pdf"
        case .csv: "csv"
        case .document: "json"
        case .data: "ndjson"
        }
    }

    /// `piece` asks for one piece of the data alone, so that a program can fetch any amount of it.
    func response(
        _ id: SLAReportID, piece: String?, _ context: TenantContext, _ services: Services
    ) async throws -> WebResponse {
        let shown = try await services.reports.shown(context.scope.id, id)
        guard let document = shown.document else {
            throw Refusal(
                .conflict, reason: "report.building",
                "The rows of this report are still being read: \(shown.row.clocksSeen) of \(shown.row.clocksTotal) clocks.")
        }
        let sheet = try await ReportFiles.sheet(shown, scope: context.scope, services: services)
        let body: WebResponse.Body
        switch self {
        case .html:
            let brand = BrandBook(sheet.worn.brand)
            body = .bytes(
                Array(sheet.sheet.html(links: [brand.stylesheet, "/assets/report.css"], pictures: sheet.addresses).utf8))
        case .pdf: body = .bytes(try await ReportFiles.pdf(sheet, services: services))
        case .csv: body = .bytes(Array(ReportTable.csv(document).utf8))
        case .document: body = .bytes(JSONValue.object(["document": document, "hash": .string(shown.hash)]).bytes)
        case .data:
            let (tenant, chunks) = (context.scope.id, shown.row.dataChunks)
            if let piece {
                guard let seq = Int32(piece), let content = try await services.reports.chunk(tenant, id, seq) else {
                    throw Refusal.notFound
                }
                return .text(content, type: type)
            }
            body = .stream { writer in
                for seq in 1...max(1, chunks) {
                    guard let content = try await services.reports.chunk(tenant, id, seq) else {
                        throw Fault("reading the data of a report", "piece \(seq) is missing", isRetryable: false)
                    }
                    try await writer.write(content)
                }
            }
        }
        var headers = WebHeaders([(name: "Content-Type", value: type), (name: "Cache-Control", value: "no-store")])
        if self != .html {
            headers.set("Content-Disposition", "attachment; filename=\"\(sheet.sheet.fileName).\(ending)\"")
        }
        return WebResponse(status: 200, headers: headers, body: body)
    }
}

/// A report as pages and files.
package enum ReportFiles {
    /// A sheet with the brand that it wears.
    struct Worn: Sendable {
        let sheet: ReportSheet
        let worn: BrandStudio.Worn
        let language: BrandLanguage

        /// Pictures as a browser fetches them.
        var addresses: ReportSheet.Pictures {
            func address(_ file: BrandFileRow?) -> String { file.map { "/brand-files/\($0.name)" } ?? "" }
            return ReportSheet.Pictures(logo: address(worn.logo), cover: address(worn.reportCover))
        }

        /// Pictures with their bytes, for the press, which fetches nothing.
        var contents: ReportSheet.Pictures {
            func content(_ file: BrandFileRow?) -> String {
                file.map {
                    let form: LogoFile.Form = $0.name.hasSuffix(".svg") ? .svg : .png
                    return "data:\(form.contentType);base64,\(Base64.encode($0.bytes))"
                } ?? ""
            }
            return ReportSheet.Pictures(logo: content(worn.logo), cover: content(worn.reportCover))
        }
    }

    static func sheet(_ shown: ReportDesk.Shown, scope: ScopeRow, services: Services) async throws -> Worn {
        guard let document = shown.document else { throw Refusal.notFound }
        let worn = try await services.brands.worn(by: scope)
        let row = shown.row
        let language = BrandLanguage(tag: row.language)
        var signature: ReportSheet.Signature?
        if let name = row.signedName, let at = row.signedAt { signature = ReportSheet.Signature(name: name, at: at) }
        func text(_ field: BrandDocument.Field) -> String { worn.brand[field, language] }
        let sheet = try ReportSheet(
            document, hash: shown.hash, brand: BrandBook(worn.brand).mark(home: "/", language: language), theme: worn.theme,
            imprint: ReportSheet.Imprint(
                header: text(.reportHeader), footer: text(.reportFooter), disclaimer: text(.reportDisclaimer),
                watermark: text(.reportWatermark)), signature: signature)
        return Worn(sheet: sheet, worn: worn, language: language)
    }

    static func pdf(_ sheet: Worn, services: Services) async throws -> [UInt8] {
        let styles = [sheet.worn.theme.css, services.console.assets.text(named: "report.css")]
        return try await services.press(sheet.sheet.html(styles: styles, pictures: sheet.contents))
    }

    /// The mail of a report: with the file where one can be made, in the brand's name, with a link that begins with `site`
    /// where the installation knows its own address.
    package static func letter(
        _ shown: ReportDesk.Shown, scope: ScopeRow, site: String?, services: Services
    ) async throws -> ReportSending.Letter {
        let sheet = try await sheet(shown, scope: scope, services: services)
        var file: [UInt8]?
        do {
            file = try await pdf(sheet, services: services)
        } catch let refusal as Refusal where refusal.reason == "press.missing" {
            services.logger.warning("a report is sent without its PDF", metadata: ["report": "\(shown.row.id)"])
        }
        let brand = sheet.worn.brand
        let (subject, text) = sheet.sheet.letter(
            path: "\(site ?? "")/t/\(scope.slug)/sla-reports/\(shown.row.id)", hasFile: file != nil,
            footer: brand.mailFooter(sheet.language).filter { !$0.isEmpty })
        let name = brand[.mailFromName].isEmpty ? brand[.displayName] : brand[.mailFromName]
        return ReportSending.Letter(
            subject: subject, text: text, fileName: sheet.sheet.fileName + ".pdf",
            sender: (name, brand[.mailFrom], brand[.mailReplyTo]), pdf: file)
    }
}

/// The figures of a report as a table for spreadsheets.
enum ReportTable {
    static func csv(_ document: JSONValue) -> String {
        var lines = [["part", "name", "figure", "value"]]
        for key in ["tenant", "contract", "version", "month", "timezone", "number", "revision", "dataHash"] {
            lines.append(["report", "", key, plain(document[key])])
        }
        let figures = document["figures"]
        for objective in figures?["objectives"]?.array ?? [] {
            for (key, value) in objective.object ?? [:] where key != "name" {
                lines.append(["objective", plain(objective["name"]), key, plain(value)])
            }
        }
        for part in ["availability", "credits"] {
            for (key, value) in figures?[part]?.object ?? [:] { lines.append([part, "", key, plain(value)]) }
        }
        lines.append(["incidents", "", "n", plain(figures?["incidents"]?["n"])])
        for (name, interval) in figures?["incidents"]?["response"]?.object ?? [:] {
            for (key, value) in interval.object ?? [:] { lines.append(["incidents", name, key, plain(value)]) }
        }
        for breach in document["breaches"]?.array ?? [] {
            let name = plain(breach["key"])
            for key in ["objective", "run", "incident", "onboarding", "breachedAt", "dueAt", "elapsedSeconds", "targetSeconds"] {
                if breach[key] != nil { lines.append(["breach", name, key, plain(breach[key])]) }
            }
            for key in ["cause", "text", "excluded"] {
                lines.append(["breach", name, key, plain(breach["justification"]?[key])])
            }
        }
        return lines.map { $0.map(cell).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func plain(_ value: JSONValue?) -> String {
        guard let value, !value.isNull else { return "" }
        return value.string ?? value.text
    }

    /// RFC 4180; what a spreadsheet would take for a formula is made a text.
    private static func cell(_ text: String) -> String {
        var text = text
        if let first = text.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first), Int64(text) == nil {
            text = "'" + text
        }
        guard text.utf8.contains(where: { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

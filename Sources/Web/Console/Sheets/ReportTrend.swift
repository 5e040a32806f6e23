internal import Branding
internal import Kernel

/// Twelve months of one commitment as bars: how many of the cases met their target, with the words beside the picture.
extension ReportSheet {
    private static let step = 48
    private static let barHeight = 72

    func trend(_ page: inout Drawing) {
        page.heading(2, words.trend)
        var months = document["trend"]?.array ?? []
        guard !months.isEmpty else { return page.paragraph(words.noTrend) }
        months.append([
            "month": document["month"] ?? .null, "objectives": document["figures"]?["objectives"] ?? .array([]),
        ])
        let shown = Array(months.suffix(12))
        for objective in document["figures"]?["objectives"]?.array ?? [] {
            chart(objective, months: shown, &page)
        }
    }

    private func chart(_ objective: JSONValue, months: [JSONValue], _ page: inout Drawing) {
        let title = objective["title"]?.string ?? ""
        let bars = months.map { month -> (label: String, met: Int64, n: Int64) in
            let one = (month["objectives"]?.array ?? []).first { $0["name"] == objective["name"] }
            return (
                words.shortMonth(month["month"]?.string ?? ""), one?["met"]?.int64 ?? 0, one?["n"]?.int64 ?? 0
            )
        }
        page.open("figure", ["class": "trend"])
        page.open("figcaption")
        page.words("\(title): \(words.commitmentHeads[8])")
        page.close("figcaption")
        let width = bars.count * ReportSheet.step
        page.open(
            "svg",
            [
                "width": "\(width)", "height": "112", "viewBox": "0 0 \(width) 112", "role": "img", "aria-label": title,
                "xmlns": "http://www.w3.org/2000/svg",
            ])
        let top = 18
        page.element(
            "line",
            [
                "x1": "0", "x2": "\(width)", "y1": "\(top + ReportSheet.barHeight)", "y2": "\(top + ReportSheet.barHeight)",
                "stroke": "\(palette[.text3])",
            ])
        for (index, bar) in bars.enumerated() {
            let middle = index * ReportSheet.step + ReportSheet.step / 2
            let height = bar.n > 0 ? Int(bar.met * Int64(ReportSheet.barHeight) / bar.n) : 0
            page.element(
                "rect",
                [
                    "x": "\(middle - 14)", "y": "\(top + ReportSheet.barHeight - height)", "width": "28",
                    "height": "\(height)", "fill": "\(palette[.primary])", "fill-opacity": index == bars.count - 1 ? "1" : "0.45",
                ])
            label(words.share(bar.met, of: bar.n), x: middle, y: top + ReportSheet.barHeight - height - 4, &page)
            label(bar.label, x: middle, y: top + ReportSheet.barHeight + 14, &page)
        }
        page.close("svg")
        page.close("figure")
    }

    private func label(_ text: String, x: Int, y: Int, _ page: inout Drawing) {
        page.open(
            "text",
            [
                "x": "\(x)", "y": "\(y)", "text-anchor": "middle", "font-size": "9",
                "font-family": "Inter, 'Liberation Sans', Arial, sans-serif", "fill": "\(palette[.text2])",
            ])
        page.words(text)
        page.close("text")
    }
}

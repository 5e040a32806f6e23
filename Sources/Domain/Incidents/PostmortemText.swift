package import Kernel

/// A post-mortem as a document that leaves the product.
extension Postmortem {
    /// Markdown; `name` says who a person is. What others wrote cannot end a table or begin a heading.
    package func markdown(name: (PersonID) -> String) -> String {
        let incidents = facts["incidents"]?.array ?? []
        var out = ["# Post-mortem of \(incidents.compactMap { $0["number"]?.string }.joined(separator: ", "))", "", state(name)]
        out += ["", "| Incident | Severity | Opened | Taken on | Over | Title |", "|---|---|---|---|---|---|"]
        for one in incidents {
            let cells = ["number", "severity", "openedAt", "acknowledgedAt", "resolvedAt", "title"].map {
                Postmortem.cell(one[$0]?.string ?? "-")
            }
            out.append("| \(cells.joined(separator: " | ")) |")
        }
        for section in Section.allCases {
            guard let text = sections[section], !text.isEmpty else { continue }
            out += ["", "## \(section.title)", "", Postmortem.paragraphs(text)]
        }
        out += ["", "## Actions", "", "| No | Action | Owner | Due | State | Note |", "|---|---|---|---|---|---|"]
        for action in actions {
            let cells = [
                "\(action.number)", action.title, name(action.owner), "\(action.due)", action.state.rawValue, action.note,
            ].map(Postmortem.cell)
            out.append("| \(cells.joined(separator: " | ")) |")
        }
        out += ["", "## Timeline", "", "| Time | Incident | Who | What |", "|---|---|---|---|"]
        for line in facts["timeline"]?.array ?? [] {
            let cells = ["at", "incident", "who", "text"].map { Postmortem.cell(line[$0]?.string ?? "") }
            out.append("| \(cells.joined(separator: " | ")) |")
        }
        return out.joined(separator: "\n") + "\n"
    }

    private func state(_ name: (PersonID) -> String) -> String {
        switch phase {
        case .draft: "A draft that nobody has reviewed."
        case .inReview: "Submitted by \(submittedBy.map(name) ?? "somebody"), not yet reviewed."
        case .published:
            "Published by \(publishedBy.map(name) ?? "somebody") at \(publishedAt?.text(fraction: 0) ?? "-"). "
                + "SHA-256 of what is locked: `\(hash)`."
        }
    }

    private static func cell(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? Array("\\|") : [$0.isNewline ? " " : $0] })
    }

    /// Lines that would be headings of ours are text.
    private static func paragraphs(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.hasPrefix("#") ? "\\\($0)" : String($0) }
            .joined(separator: "\n")
    }
}

/// A field of the drawn document, possibly marked.
package struct PaperField: Sendable, Showing {
    package enum Mark: String, Sendable { case none, field, deviation }

    package let text: String
    package let label: String
    package let mark: Mark

    package init(text: String, label: String = "", mark: Mark = .none) {
        self.text = text
        self.label = label
        self.mark = mark
    }

    var shown: [(name: String, value: Any)] {
        [("markClass", mark == .none ? "" : "mark-" + mark.rawValue), ("isMarked", mark != .none)]
    }
}

/// An invoice drawn from its canonical fields, as paper: it looks the same in both themes.
package struct DrawnInvoice: Sendable {
    package struct Line: Sendable {
        package let number: String
        package let article: String
        package let quantity: PaperField
        package let price: PaperField
        package let amount: PaperField
        package let isMarked: Bool

        package init(
            number: String, article: String, quantity: PaperField, price: PaperField, amount: PaperField,
            isMarked: Bool = false
        ) {
            self.number = number
            self.article = article
            self.quantity = quantity
            self.price = price
            self.amount = amount
            self.isMarked = isMarked
        }
    }

    package struct Total: Sendable {
        package let label: String
        package let value: PaperField
        package let isFinal: Bool

        package init(label: String, value: PaperField, isFinal: Bool = false) {
            self.label = label
            self.value = value
            self.isFinal = isFinal
        }
    }

    /// Most lines drawn; a longer invoice says how many more there are.
    package static let linesMax = 200

    package let seller: String
    /// Address, VAT id.
    package let sellerLines: [String]
    package let buyerLines: [String]
    /// `Invoice` or `Credit note`.
    package let kind: String
    package let number: PaperField
    /// Date, order, delivery note.
    package let facts: [PaperField]
    package let lines: [Line]
    /// `and 12 more lines`; empty when all are drawn.
    package let moreLines: String
    package let totals: [Total]
    /// Due date, account.
    package let payment: [PaperField]

    package init(
        seller: String, sellerLines: [String], buyerLines: [String], kind: String, number: PaperField, facts: [PaperField],
        lines: [Line], moreLines: String = "", totals: [Total], payment: [PaperField]
    ) {
        self.seller = seller
        self.sellerLines = sellerLines
        self.buyerLines = buyerLines
        self.kind = kind
        self.number = number
        self.facts = facts
        self.lines = lines
        self.moreLines = moreLines
        self.totals = totals
        self.payment = payment
    }
}

/// What the decision rests on: the document, and the tabs of what it is compared with.
package struct EvidencePane: Sendable {
    package let tabs: [Tab]
    package let invoice: DrawnInvoice?
    /// An order, receipts or findings, when another tab is open.
    package let table: EvidenceTable?
    package let empty: EmptyState?
    /// The stored bytes' hash and the hash of what is shown, as `HashText.short` writes them.
    package let storedHash: String
    package let shownHash: String
    /// Address of the original document; empty when there is none.
    package let original: String

    package init(
        tabs: [Tab], invoice: DrawnInvoice? = nil, table: EvidenceTable? = nil, empty: EmptyState? = nil, storedHash: String,
        shownHash: String, original: String = ""
    ) {
        self.tabs = tabs
        self.invoice = invoice
        self.table = table
        self.empty = empty
        self.storedHash = storedHash
        self.shownHash = shownHash
        self.original = original
    }
}

package struct EvidenceTable: Sendable {
    package struct Row: Sendable {
        package let status: Status?
        package let cells: [String]

        package init(status: Status? = nil, cells: [String]) {
            self.status = status
            self.cells = cells
        }
    }

    package let caption: String
    package let columns: [String]
    package let rows: [Row]

    package init(caption: String, columns: [String], rows: [Row]) {
        self.caption = caption
        self.columns = columns
        self.rows = rows
    }
}

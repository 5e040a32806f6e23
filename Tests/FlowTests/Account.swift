import Kernel
import Postgres
import Records
import Testing

@testable import Flow

/// Everything that has to come out the same whatever happened on the way: the books, what the audit log says, the clocks, the
/// state of every run, the payments and the tasks. Identifiers, instants and hashes are told apart by their kind only.
struct Account: Sendable, Equatable {
    let books: Books
    /// Entries in full, each as often as it was written; repetitions that were told as such are left out, and what was published
    /// before the passage.
    let audit: [String]
    let runs: [String]
    let payments: [String]
    let requests: [String]
    /// What people confirmed to the ledger.
    let confirmations: Int
    /// Rows of history without a gap, and as many as their run counts; else what is wrong.
    let gaps: [String]

    static func of(_ stage: Stage) async throws -> Account {
        let firm = await stage.firm
        let books = try await stage.books().withoutRepetitions
        return try await stage.store.withTenant(firm.id) { tx in
            func lines(_ sql: SQL) async throws -> [String] {
                try await tx.query(sql).map { Plain.text(try $0.get(0, as: String.self)) }.sorted()
            }
            let gaps = try await lines(
                """
                SELECT r.subject || ': ' || count(h.seq) || ' of ' || r.history_count FROM run r
                LEFT JOIN history h ON h.tenant_id = r.tenant_id AND h.run_id = r.id
                WHERE r.tenant_id = \(firm.id) GROUP BY r.id, r.subject, r.history_count
                HAVING count(h.seq) <> r.history_count OR min(h.seq) <> 1 OR max(h.seq) <> r.history_count
                """)
            return Account(
                books: books,
                audit: try await lines(
                    """
                    SELECT action || ' by ' || actor_kind || ' of ' || object_type || ' ' || content::text FROM audit_entry
                    WHERE tenant_id = \(firm.id) AND action <> 'document.repeated'
                        AND object_type NOT IN ('scope', 'secret')
                    """),
                runs: try await lines(
                    """
                    SELECT workflow || ' ' || phase || ' ' || coalesce(outcome, '') || ' ' || state::text
                    FROM run WHERE tenant_id = \(firm.id)
                    """),
                payments: try await lines(
                    """
                    SELECT state || ' ' || coalesce(record::text, '') FROM payment_release WHERE tenant_id = \(firm.id)
                    """),
                requests: try await lines(
                    """
                    SELECT class || ' ' || kind || ' ' || key || ' ' || state || ' ' || coalesce(outcome, '')
                    FROM task WHERE tenant_id = \(firm.id)
                    """),
                confirmations: stage.ledger.confirmations().count, gaps: gaps)
        }
    }

    /// What differs, for a reader of the failed test.
    func differences(from other: Account) -> [String] {
        var out: [String] = []
        if books != other.books { out.append("books: \(books) and not \(other.books)") }
        func compare(_ name: String, _ mine: [String], _ theirs: [String]) {
            var left = theirs
            for line in mine {
                if let place = left.firstIndex(of: line) { left.remove(at: place) } else { out.append("\(name) has \(line)") }
            }
            out += left.map { "\(name) lacks \($0)" }
        }
        compare("audit", audit, other.audit)
        compare("runs", runs, other.runs)
        compare("payments", payments, other.payments)
        compare("requests", requests, other.requests)
        compare("history", gaps, other.gaps)
        if confirmations != other.confirmations { out.append("\(confirmations) confirmations and not \(other.confirmations)") }
        return out
    }
}

/// Text in which identifiers, hashes and instants are replaced by what they are.
enum Plain {
    static func text(_ text: String) -> String {
        var out = ""
        var word: [UInt8] = []
        for byte in Array(text.utf8) + [UInt8(ascii: "\n")] {
            if isPart(byte) {
                word.append(byte)
            } else {
                out += plain(word)
                word = []
                out.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return String(out.dropLast())
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func plain(_ word: [UInt8]) -> String {
        let text = String(decoding: word, as: UTF8.self)
        if word.count == 36, word[8] == UInt8(ascii: "-"), word[13] == UInt8(ascii: "-") { return "ID" }
        if word.count == 64, word.allSatisfy({ $0 != UInt8(ascii: "-") }) { return "HASH" }
        if word.count >= 19, word[4] == UInt8(ascii: "-"), word[10] == UInt8(ascii: "T") { return "INSTANT" }
        return text
    }
}

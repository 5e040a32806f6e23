import Kernel

@testable import Console

extension Samples {
    static func evidencePacks(_ brand: Brand) -> EvidencePacksPage {
        let time = Stamp(iso: "2026-11-17T13:48:00Z", text: "2026-11-17 14:48 CET")
        let sheet = StatusDeskPage.Sheet(
            label: "Ask for pack 8", form: form("/t/brightwater-foods/evidence"),
            controls: [
                .init(
                    .line, id: "approvals-from", name: "from", label: "From", value: "2026-10-01T00:00:00Z",
                    help: "A time such as 2026-07-14T08:30:00Z."),
                .init(.line, id: "approvals-to", name: "to", label: "Until", value: "2026-11-01T00:00:00Z"),
            ], acts: [FieldChoice(value: "approvals", label: "Read and sign the lists")])
        func file(_ name: String) -> EvidencePacksPage.File {
            EvidencePacksPage.File(label: name, href: "/t/brightwater-foods/evidence/1/files/\(name)")
        }
        return EvidencePacksPage(
            frame: frame("Evidence", brand, current: "Evidence", crumbs: [Crumb(label: "Evidence")]),
            head: PageHead(title: "Evidence", lead: "Complete lists for auditors."),
            refusal: "`from` lies before `to`, by 400 days at most.",
            packs: [
                EvidencePacksPage.Pack(
                    title: "4. Periodic access reviews", question: "Who reviewed whose rights, and what followed?", lists: [],
                    missing: ["Access reviews: no record of them is kept."], sheet: nil,
                    barred: "To ask for it one has to be allowed to: see people and roles."),
                EvidencePacksPage.Pack(
                    title: "8. Approvals", question: "Who signed what, in which role, held to which limit?",
                    lists: ["Every signature, rejection and answer of a person"],
                    missing: ["Limits as of each signature: pack 1 of that day has them."], sheet: sheet),
            ],
            asked: [
                EvidencePacksPage.Asked(
                    title: "8. Approvals", status: .sealed, state: "1,204 rows, signed", time: time,
                    note: "from 2026-10-01 02:00 CEST until 2026-11-01 01:00 CET, asked for by Henrik Moss",
                    files: ["manifest.json", "manifest.note", "signatures.ndjson", "signatures.csv"].map(file),
                    hash: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
                EvidencePacksPage.Asked(
                    title: "7. Versions in force per transaction", status: .running, state: "48,000 rows so far", time: time,
                    note: "asked for by Ruth Adler", files: []),
                EvidencePacksPage.Asked(
                    title: "9. Failures of jobs and interfaces", status: .failed,
                    state: "not read: The pack has more than 5000000 rows. Ask for a shorter time.", time: time,
                    note: "asked for by Ruth Adler", files: []),
            ], pager: Pager(range: "3 packs on this page", older: "?cursor=1_2"))
    }

    static func auditEntry(_ brand: Brand) -> AuditEntryPage {
        let hash = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        return AuditEntryPage(
            frame: frame(
                "Approval signed", brand, current: "Audit",
                crumbs: [Crumb(label: "Audit", href: "/audit"), Crumb(label: "Approval signed")]),
            head: PageHead(title: "Approval signed"),
            facts: [
                Fact(label: "Who", value: "Ravi Menon"), Fact(label: "On behalf of", value: "Petra Lindqvist"),
                Fact(label: "To what", value: "run 8f03c1aa"), Fact(label: "When", value: "2026-11-17 10:42:07 CET"),
            ],
            details: [
                Fact(label: "Role", value: "approver"), Fact(label: "Verdict", value: "approve"),
                Fact(label: "Duty rules", value: "P01, P07"), Fact(label: "Object hash", value: hash, isCode: true),
            ],
            seal: [
                Fact(label: "Place in the log", value: "48,211"), Fact(label: "Leaf", value: hash, isCode: true),
                Fact(label: "Checkpoint", value: "of 48,300 entries, signed"),
            ], path: [hash, hash], proof: "/audit/entries/1/proof",
            links: [
                .init(label: "Its run", href: "/runs/1"), .init(label: "All entries about the same", href: "/audit?object=1"),
            ])
    }
}

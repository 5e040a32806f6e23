import Glibc
import Kernel

@testable import Assets

/// A folder made for one test and removed after it.
final class ScratchFolder: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) {
        var template = Array("/tmp/countersign-assets-XXXXXX".utf8CString)
        let made = mkdtemp(&template).map { String(cString: $0) }
        path = made ?? "/tmp/countersign-assets"
        for (name, text) in files { write(name, Array(text.utf8)) }
    }

    deinit { _ = ScratchFolder.remove(path) }

    func write(_ name: String, _ bytes: [UInt8]) {
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o700)
        }
        let descriptor = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0, "cannot write \(name)")
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    func link(_ name: String, to target: String) { symlink(target, path + "/" + name) }

    private static func remove(_ path: String) -> Bool {
        var info = stat()
        guard lstat(path, &info) == 0 else { return false }
        if info.st_mode & S_IFMT == S_IFDIR {
            // The folder is thrown away; what cannot be listed stays for the system to clear.
            for name in (try? FileBytes.names(in: path)) ?? [] { _ = remove(path + "/" + name) }
            return rmdir(path) == 0
        }
        return unlink(path) == 0
    }
}

/// A small configuration that is right in every respect; tests replace single files to make it wrong.
enum SampleTree {
    static let files: [String: String] = [
        "operator/operator.yaml": """
        kind: operator
        slug: harbour
        name: Harbour Services
        locale: en
        timezone: Europe/London
        roles:
          - name: clerk
            title: Clerk
            level: tenant
            permissions: [documents.submit, runs.read]
          - name: approver
            title: Approver
            level: tenant
            permissions: [runs.read, approvals.read, approvals.decide]
          - name: changer
            title: Changer
            level: tenant
            permissions: [configuration.apply]
          - name: engineer
            title: Engineer
            level: operator
            permissions: [incidents.manage]

        """,
        "operator/people.yaml": """
        kind: people
        people:
          - id: ada-holm
            name: Ada Holm
            email: ada.holm@harbour.example
            roles: [engineer]

        """,
        "operator/calendars/office.yaml": """
        kind: calendar
        name: office
        version: "1"
        timezone: Europe/Berlin
        week:
          mon: [["09:00", "17:00"]]

        """,
        "operator/library/workflows/pay.yaml": WorkflowSample.text,
        "operator/library/policies/who-signs.yaml": PolicySample.text,
        "operator/library/connectors/ledger.yaml": ConnectorSample.text,
        "partners/north/partner.yaml": """
        kind: partner
        slug: north
        name: North
        locale: en
        timezone: Europe/London

        """,
        "tenants/mill/tenant.yaml": """
        kind: tenant
        slug: mill
        name: The Mill
        partner: north
        region: eu
        locale: de-DE
        timezone: Europe/Berlin
        entities:
          - code: DE01
            name: The Mill GmbH
            vatId: DE742039156
            currency: EUR
            country: DE
        workflows:
          invoice: pay

        """,
        "tenants/mill/people.yaml": """
        kind: people
        people:
          - id: bo-lind
            name: Bo Lind
            email: bo.lind@mill.example
            roles: [clerk]
          - id: cleo-marr
            name: Cleo Marr
            email: cleo.marr@mill.example
            roles: [approver]
            approvalLimit: {amount: "5000.00", currency: EUR}

        """,
        "tenants/mill/contracts/service.yaml": """
        kind: contract
        name: service
        version: "1"
        title: Service
        calendar: office
        effectiveFrom: 2026-01-01T00:00:00Z
        objectives:
          - name: approval-cycle
            title: Approval cycle
            target: 8h
            warnPercents: [50, 80]

        """,
        "tenants/mill/connections/erp.yaml": """
        kind: connection
        name: erp
        title: Ledger
        connector: ledger
        baseUrl: http://127.0.0.1:7999
        secrets:
          token: ledger-token
        allow: ["127.0.0.1:7999"]
        settleSeconds: 20

        """,
    ]

    /// The sample with some files replaced, added (or removed, by nil), checked.
    static func issues(_ changes: [String: String?] = [:]) -> [LocatedIssue] {
        load(changes).issues
    }

    static func load(_ changes: [String: String?] = [:]) -> (tree: ConfigurationTree, issues: [LocatedIssue]) {
        var all = files
        for (name, text) in changes { all[name] = text }
        let folder = ScratchFolder(all)
        let loaded = ConfigurationTree.load(folder.path)
        let prefix = folder.path.count + 1
        return (
            loaded.tree,
            loaded.issues.map { issue in
                LocatedIssue(
                    file: String(issue.file.dropFirst(prefix)), mark: Mark(line: issue.line, column: issue.column),
                    message: issue.message,
                    remedy: issue.remedy, severity: issue.severity)
            }
        )
    }

    /// A sample file with one piece of its text replaced.
    static func edited(_ name: String, _ old: String, _ new: String) -> [String: String?] {
        let text = files[name] ?? ""
        precondition(text.contains(old), "\(name) does not contain \(old)")
        return [name: text.replacing(old, with: new)]
    }
}

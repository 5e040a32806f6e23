@testable import Console

extension Samples {
    static func proof(_ brand: Brand, _ question: ProofPage.Question, refusal: String = "") -> ProofPage {
        ProofPage(
            frame: bare("One more step", brand), form: form("/sign-in/code"), question: question, next: "/inbox",
            link: question == .newPassword ? "t0k3n" : "", refusal: refusal,
            organisation: question == .freshElsewhere ? "/account/proof/elsewhere" : "",
            organisationName: question == .freshElsewhere ? "Brightwater Login" : "")
    }

    private static let stamp = Stamp(iso: "2026-11-05T13:48:00Z", text: "5 Nov, 14:48")

    private static func key(_ name: String, isLive: Bool, person: String = "") -> KeyLine {
        KeyLine(
            name: name, begins: "cs_prod_4kQz9TrWm1Xa", person: person, limits: isLive ? "AP clerk" : "nothing",
            state: isLive ? "in force" : "revoked", status: isLive ? .done : .cancelled, ends: stamp, used: isLive ? "today" : "",
            rotate: isLive ? form("/rotate") : nil, revoke: isLive ? form("/revoke") : nil)
    }

    static func account(_ brand: Brand, isBare: Bool = false) -> AccountPage {
        AccountPage(
            frame: frame("Your account", brand, current: "", crumbs: [Crumb(label: "Your account")]),
            head: PageHead(title: "Your account", lead: "Petra Lindqvist, petra@brightwater.example"),
            refusal: isBare ? "This is not your present password." : "",
            secrets: isBare
                ? nil
                : ShownOnce(
                    title: "Your recovery codes", advice: "They are not shown again.",
                    lines: ["MZXW-6YTB-OI3W-64TL-NF2H-S3DB", "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV"]),
            factor: isBare
                ? StatusText(status: .watch, text: "None. Your password alone opens your account.")
                : StatusText(status: .done, text: "In force since 5 Nov, 14:48."),
            recovery: isBare ? "" : "10 recovery codes left.", hasFactor: !isBare,
            enrolment: .init(
                secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
                address: "otpauth://totp/Countersign:petra%40brightwater.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
                confirm: form("/confirm")),
            enrol: form("/factor"), removeFactor: form("/remove"), renewRecovery: form("/recovery"), password: form("/password"),
            sessions: [
                .init(
                    agent: "Firefox on Linux", address: "192.0.2.7", opened: stamp, seen: stamp, isThisOne: true,
                    end: form("/end")),
                .init(agent: "", address: "2001:db8::9", opened: stamp, seen: stamp, isThisOne: false, end: form("/end")),
            ], endOthers: form("/others"), keys: isBare ? [] : [key("month end", isLive: true), key("old", isLive: false)],
            makeKey: form("/keys"), roles: ["approver", "treasurer"])
    }

    static func people(_ brand: Brand, asked: Bool) -> PeoplePage {
        let row = PeoplePage.Row(
            name: "Jonas Adler", email: "jonas@brightwater.example", roles: "Approver", state: "active", status: .done,
            link: form("/link"), removeFactor: form("/remove"), endSessions: form("/end"), unlink: form("/unlink"))
        let machine = PeoplePage.Row(
            name: "Scanner", email: "scanner@brightwater.example", roles: "AP clerk", state: "machine", status: .done, link: nil,
            removeFactor: nil, endSessions: nil)
        return PeoplePage(
            frame: frame("People", brand, current: "People", crumbs: [Crumb(label: "People")]),
            head: PageHead(title: "People", lead: "Named in the people file."),
            secrets: asked ? ShownOnce(title: "The new key", advice: "Copy it now.", lines: ["cs_prod_x"]) : nil,
            provider: asked
                ? .init(
                    name: "Brightwater Login", issuer: "https://login.brightwater.example", door: "/t/brightwater-foods/sign-in",
                    linked: "3 of 8 people are linked to an identity there.", passwords: "Passwords open no account.") : nil,
            rows: [row, machine], keys: asked ? [key("scanning", isLive: true, person: "Scanner")] : [],
            machines: asked ? [.init(slug: "scanner", name: "Scanner")] : [], makeKey: form("/keys"),
            explain: ExplainForm(
                action: "/people", people: [.init(value: "jonas", label: "Jonas Adler", isChosen: true)],
                permissions: [.init(value: "approvals.decide", label: "Approve and reject", isChosen: asked)], entity: "",
                verdict: asked ? StatusText(status: .done, text: "Yes. Allowed by the role Approver.") : nil,
                lines: asked ? ["Allowed by the role Approver."] : []))
    }
}

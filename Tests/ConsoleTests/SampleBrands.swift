import Branding
import Kernel

@testable import Console

extension Samples {
    private static func control(
        _ name: String, _ label: String, _ source: String, _ value: String, _ kind: BrandPage.Control.Kind = .text,
        inherited: String = "", isLocked: Bool = false, problem: String = ""
    ) -> BrandPage.Control {
        BrandPage.Control(
            name: name, label: label, source: source, value: value, inherited: inherited, kind: kind, isLocked: isLocked,
            problem: problem)
    }

    private static func studio(
        _ brand: Brand, chosen: BrandTheme.Chosen, acts: BrandPage.Acts?, repairs: [BrandPage.Repair], issues: [BrandPage.Issue],
        pill: StatusText?
    ) -> BrandPage {
        let theme = BrandTheme.derive(primary: brand.theme.primary, accent: brand.theme.accent, chosen: chosen)
        let report = ContrastReport(theme, chosen: chosen)
        return BrandPage(
            frame: operatorFrame("Brand studio", brand, current: "Brand", crumbs: [Crumb(label: "Brand studio")]),
            head: PageHead(
                title: "Brand studio", pill: pill, meta: "version 6 is live since 2 Sep 14:00",
                lead: "Two colours and a logo are enough. The rest is derived."),
            main: [
                control("primary", "Primary", "yours", brand.theme.primary.description, .color),
                control("accent", "Accent", "yours", brand.theme.accent.description, .color),
                control("logoLight", "Logo on light", "product", "", .picture),
                control("radius", "Corners", "yours", "2", .number(0, 12), inherited: "6"),
                control(
                    "headingFont", "Headings", "yours", "serif", .choice([("system", "System"), ("serif", "Serif")]),
                    inherited: "system"),
                control("displayName", "Name shown", "yours", brand.name),
                control(
                    "legalNotice", "Legal notice", "operator, locked", "", inherited: "Service operated by Meridian.",
                    isLocked: true),
            ],
            groups: [
                BrandPage.Group(
                    title: "Colours of the light theme", note: "Empty: derived from the two colours.",
                    controls: [
                        control(
                            "lightAccent", "accent, light", "yours", "#d9b44a",
                            problem: issues.isEmpty ? "" : "#d9b44a is too hard to tell apart.")
                    ]),
                BrandPage.Group(title: "Texts in German", controls: [control("footer.de", "Footer", "product", "", .paragraph)]),
            ], acts: acts,
            specimen: BrandSpecimen(
                stylesheet: "/assets/brand/\(brand.file)-both.css", name: brand.name, letters: brand.letters, logo: "",
                logoDark: "",
                isPlated: false, footer: "Service operated by Meridian."),
            pairs: report.rows.map { row in
                BrandPage.Pair(
                    name: row.name, needs: ContrastReport.text(row.needs), light: ContrastReport.text(row.light),
                    dark: ContrastReport.text(row.dark), status: row.passes ? .done : .failed)
            }, gate: report.passes ? "All 24 pairs hold." : "1 of 24 stop publication.", repairs: repairs, issues: issues,
            changes: [BrandPage.Change(title: "Accent", from: "#b88a2e", to: brand.theme.accent.description)],
            audience: "9 tenants. Texts and sender are unchanged, so one person may publish.",
            versions: [
                BrandPage.Version(
                    number: "6", status: .done, state: "published", when: stamp("2026-09-02T12:00:00Z"), who: "Claire Halden",
                    restore: nil),
                BrandPage.Version(
                    number: "5", status: .notStarted, state: "superseded", when: stamp("2026-06-12T12:00:00Z"), who: "folder",
                    restore: acts == nil ? nil : form("/studio/halden-price/versions/5/restore")),
            ], previews: [BrandPage.Preview(label: "Sign-in", href: "/brand-preview/x/sign-in")])
    }

    private static func acts(blocked: String) -> BrandPage.Acts {
        BrandPage.Acts(
            form: form("/studio/halden-price"), revision: "3", publish: "Publish version 7", blocked: blocked,
            share: form("/studio/halden-price/share"), discard: form("/studio/halden-price/discard"))
    }

    static func brandStudio(_ brand: Brand) -> BrandPage {
        studio(
            brand, chosen: BrandTheme.Chosen(), acts: acts(blocked: ""), repairs: [], issues: [],
            pill: StatusText(status: .running, text: "Draft 7, validated"))
    }

    static func brandStopped(_ brand: Brand) -> BrandPage {
        studio(
            brand, chosen: BrandTheme.Chosen(light: [.accent: HexColor(red: 0xD9, green: 0xB4, blue: 0x4A)]),
            acts: acts(blocked: "/palette/light/accent: #d9b44a is too hard to tell apart. Save the draft once it is put right."),
            repairs: [
                BrandPage.Repair(
                    label: "accent, light: 1.74, needs 3.00.", why: "Nearest that passes: #a58206.", from: "#d9b44a",
                    to: "#a58206",
                    value: "lightAccent=#a58206"),
                BrandPage.Repair(
                    label: "surface, dark: 1.00, needs 4.50.", why: "No shade of it would do here.", from: "#e7eef2", to: "",
                    value: "darkSurface="),
            ],
            issues: [
                BrandPage.Issue(
                    place: "/palette/light/accent",
                    message: "#d9b44a is too hard to tell apart: accent has 1.74 to 1 and needs 3.00.",
                    remedy: "The nearest that passes is \"#a58206\".")
            ], pill: StatusText(status: .watch, text: "Draft 7"))
    }

    static func brandRead(_ brand: Brand) -> BrandPage {
        studio(brand, chosen: BrandTheme.Chosen(), acts: nil, repairs: [], issues: [], pill: nil)
    }
}

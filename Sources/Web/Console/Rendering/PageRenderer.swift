package import Kernel

/// A page: a model, the template that shows it and the frame around it.
package protocol ConsolePage: Sendable {
    /// The template's file name without its ending.
    static var template: String { get }
    var frame: Frame { get }
}

/// Turns page models into HTML. A pure function of the model; made once at start and shared.
package struct PageRenderer: Sendable {
    private let templates: Templates
    package let assets: StaticAssets

    /// Compiles the templates and reads the static files from the resource bundle; a fault when one is missing or broken.
    package static func load() throws(Fault) -> PageRenderer {
        try PageRenderer(directory: Bundled.assets)
    }

    init(directory: String) throws(Fault) {
        templates = try Templates(directory: directory + "/templates")
        assets = try StaticAssets(directory: directory + "/static")
    }

    /// The whole page, UTF-8, to be sent as `text/html; charset=utf-8` with `securityPolicy`.
    package func html<Page: ConsolePage>(_ page: Page) -> String {
        html(page, missed: nil)
    }

    func html<Page: ConsolePage>(_ page: Page, missed: ((String) -> Void)?) -> String {
        let icons: [(name: String, value: Any)] = [("icons", assets.links.icons)]
        let body = templates.render(View(page, beside: icons, missed: missed), Page.template)
        let shell = ShellView(frame: page.frame, assets: assets.links, content: Markup(written: body))
        return templates.render(View(shell, beside: icons, missed: missed), page.frame.isBare ? "bare" : "shell")
    }

    /// The value of `Content-Security-Policy` under which every page works.
    package static let securityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

/// What the shell's template sees.
struct ShellView: Sendable {
    let frame: Frame
    let assets: AssetLinks
    let content: Markup
}

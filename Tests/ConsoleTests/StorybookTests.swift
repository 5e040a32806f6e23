import Branding
import Foundation
import Kernel
import Testing

@testable import Console

@Suite("the storybook")
struct StorybookTests {
    /// Writes every page in every brand to the directory named by `COUNTERSIGN_STORYBOOK`, to be served by any file server.
    @Test("every page can be looked at", .enabled(if: ProcessInfo.processInfo.environment["COUNTERSIGN_STORYBOOK"] != nil))
    func writesStorybook() throws {
        guard let directory = ProcessInfo.processInfo.environment["COUNTERSIGN_STORYBOOK"] else { return }
        let root = URL(fileURLWithPath: directory)
        let console = try PageRenderer.load()
        let assets = root.appendingPathComponent("assets/brand")
        try FileManager.default.createDirectory(at: assets, withIntermediateDirectories: true)
        for file in console.assets.files {
            try Data(file.bytes).write(to: root.appendingPathComponent("assets/\(file.name)"))
        }
        var names: [String] = []
        for brand in Samples.brands {
            try Data(brand.theme.css.utf8).write(to: assets.appendingPathComponent("\(brand.file).css"))
            try Data(brand.theme.sideBySide.utf8).write(to: assets.appendingPathComponent("\(brand.file)-both.css"))
            for (name, page) in Samples.pages(brand) {
                let file = "\(brand.file)-\(name).html"
                try Data(console.html(page).utf8).write(to: root.appendingPathComponent(file))
                names.append(file)
            }
        }
        let links = names.map { "<li><a href=\"\($0)\">\($0)</a></li>" }.joined()
        let index = "<!doctype html><html lang=\"en\"><title>Pages</title><main><h1>Pages</h1><ul>\(links)</ul></main></html>"
        try Data(index.utf8).write(to: root.appendingPathComponent("index.html"))
        print("storybook: \(names.count) pages in \(directory)")
    }
}

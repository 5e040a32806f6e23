package import Branding
package import Kernel
package import Tenancy

/// A picture that a brand's file names, made anew as it will be served.
package struct BrandPicture: Sendable {
    package let scope: Scope
    package let field: BrandDocument.Field
    /// As the file names it: `logo.png`.
    package let fileName: String
    package let file: LogoFile

    package init(scope: Scope, field: BrandDocument.Field, fileName: String, file: LogoFile) {
        self.scope = scope
        self.field = field
        self.fileName = fileName
        self.file = file
    }

    /// What it is stored under.
    package func storedName(sha256: ([UInt8]) -> [UInt8]) -> String { "\(sha256(file.bytes).hexText).\(file.form.rawValue)" }

    /// A brand's file by itself, with its pictures; what is wrong comes back as issues.
    package static func read(
        _ path: String
    ) throws(Fault) -> (brand: BrandDocument, pictures: [BrandPicture], issues: [AssetIssue]) {
        let read = YAMLReader.read(try FileBytes.read(path, maxBytes: AssetBounds.fileBytesMax), path: path)
        var issues = read.issues.map { AssetIssue("", $0.message, remedy: $0.remedy) }
        guard let json = read.document?.json, let brand = BrandDocument.parse(json, issues: &issues) else {
            return (BrandDocument(values: [:]), [], issues)
        }
        return (brand, load(brand, beside: path, scope: .operator, issues: &issues), issues)
    }

    /// The pictures of the folder `assets` beside the brand's file at `path`. A name that is a hash already is stored elsewhere.
    static func load(
        _ brand: BrandDocument, beside path: String, scope: Scope, issues: inout [AssetIssue]
    ) -> [BrandPicture] {
        let above = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = (above.isEmpty ? "." : above.joined(separator: "/")) + "/assets"
        var found: [BrandPicture] = []
        for field in BrandDocument.Field.allCases {
            guard let slot = field.logoSlot, let name = brand.values[field], name.utf8.count < 68 else { continue }
            let pointer = BrandDocument.pointer(to: field)
            let bytes: [UInt8]
            do throws(Fault) {
                bytes = try FileBytes.read("\(folder)/\(name)", maxBytes: AssetBounds.imageBytesMax)
            } catch {
                issues.append(
                    AssetIssue(
                        pointer, "The picture `assets/\(name)` cannot be read: \(error.detail).",
                        remedy:
                            "Put it into the folder `assets` beside this file; it may have \(AssetBounds.imageBytesMax) bytes."))
                continue
            }
            do throws(LogoFlaw) {
                let file = try LogoFile.read(bytes, for: slot)
                found.append(BrandPicture(scope: scope, field: field, fileName: name, file: file))
            } catch {
                issues.append(AssetIssue(pointer, "`assets/\(name)`: \(error.message)", remedy: error.remedy))
            }
        }
        return found
    }
}

extension ConfigurationTree {
    /// The brand with each picture under the name it is stored by, which tells its content.
    func stored(_ asset: Asset, sha256: ([UInt8]) -> [UInt8]) -> JSONValue {
        let own = pictures.filter { $0.scope == asset.scope }
        guard !own.isEmpty, var members = asset.document.json.object, var logos = members["logos"]?.object else {
            return asset.document.json
        }
        for picture in own {
            guard let name = picture.field.logoSlot?.rawValue else { continue }
            logos[name] = .string(picture.storedName(sha256: sha256))
        }
        members["logos"] = .object(logos)
        return .object(members)
    }
}

import Formats
import Glibc
import Reader

// Opens untrusted documents for its parent, with no network, no secrets and no files; see Workers/Reader.
let ending = ReaderService.run(
    prepare: { DocumentOpener.prepare() },
    open: { DocumentOpener.open($0) }, outline: { XMLOutlining.outline($0) })
exit(ending.rawValue)

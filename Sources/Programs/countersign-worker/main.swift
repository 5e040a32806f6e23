import Glibc
import Reader
import WorkerLoop

extension ReaderChild: DocumentOpening {}

exit(await WorkerProgram.run { ReaderChild(program: $0) })

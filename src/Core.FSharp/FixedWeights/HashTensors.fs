/// The counter hash's numbers as tensors.
module internal MappingNets.Core.HashTensors

open System
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open TorchSharp

/// The counter hash as a tensor of uniform numbers in [-1, 1), shape (count).
let symmetricUniform (key: CounterHash.Key) (count: int64) =
    let tensor = torch.empty ([| count |], dtype = torch.float32, device = torch.CPU)
    let start = TensorMemory.pointer<float32> tensor
    let block = 65536L

    Parallel.For(
        0L,
        (count + block - 1L) / block,
        fun (index: int64) ->
            let first = index * block
            let length = min block (count - first)
            // Whole vectors only, for nothing may be written beyond the end.
            let whole = length &&& ~~~15L
            HashRuns.symmetricUniform key (uint64 (first / 2L)) (int (whole / 2L)) (TensorMemory.at start first)

            for position in first + whole .. first + length - 1L do
                NativePtr.write (TensorMemory.at start position) (CounterHash.symmetricUniform key (uint64 position))
    )
    |> ignore

    tensor

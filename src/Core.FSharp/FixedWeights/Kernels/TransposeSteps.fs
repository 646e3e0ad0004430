/// The order in which a transposed pass adds up what it sums, as docs/counter-hash.md defines it: which place each run of tiles is
/// summed in and what is added to what.
module internal MappingNets.Core.TransposeSteps

open System
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels

/// A run of tiles with its place in the order of additions: tensors from the last to the first, the runs of each from its first on.
[<Struct>]
type Step =
    {
        Run: TileRun
        StartsTensor: bool
        EndsTensor: bool
        /// Whether its tensor is the first to be added, so that the result starts with it.
        StartsResult: bool
    }

let steps (tiling: Tiling) (tensors: int[]) =
    let backwards = tiling.TensorsBackwards

    tensors
    |> Array.collect (fun tensor ->
        let runs = tiling.TensorRuns[tensor]

        runs
        |> Array.mapi (fun index run ->
            { Run = run
              StartsTensor = (index = 0)
              EndsTensor = (index = runs.Length - 1)
              StartsResult = (tensor = backwards[0]) }))

/// Where the sums of a run are made, and whether what is in that place counts as 0.
[<Struct; NoEquality; NoComparison>]
type Target =
    { Sums: nativeptr<float32>
      IsFresh: bool }

/// Where a step's sums are made. The thread at the front, which adds them up in order, need not add what it sums in the right place:
/// a tensor's first run in the tensor's sum, and a single tile in the sum that it would be added to. (A single tile's number is added
/// to +0 first, which only turns -0 into +0, and sums that start at +0 are never -0.) The others have a place for each step.
let targetOf step isFront (own: unit -> nativeptr<float32>) (front: nativeptr<float32>) tensorSum result =
    let isAlone = step.StartsTensor && step.EndsTensor
    let isTile = (step.Run.Count = 1L)

    if not isFront then
        { Sums = own (); IsFresh = true }
    elif isAlone && (step.StartsResult || isTile) then
        { Sums = result
          IsFresh = step.StartsResult }
    elif step.StartsTensor && not isAlone then
        { Sums = tensorSum; IsFresh = true }
    elif isTile && not isAlone then
        { Sums = tensorSum; IsFresh = false }
    else
        { Sums = front; IsFresh = true }

let private copyRun (values: nativeptr<float32>) count (target: nativeptr<float32>) =
    let bytes = 4L * int64 count
    Buffer.MemoryCopy(NativePtr.toVoidPtr values, NativePtr.toVoidPtr target, bytes, bytes)

/// Adds the sums of a step to its tensor's, and these, if it was the tensor's last, to the result.
let addStep step (sums: nativeptr<float32>) count (tensorSum: nativeptr<float32>) (result: nativeptr<float32>) =
    let isSame a b =
        NativePtr.toNativeInt a = NativePtr.toNativeInt b

    let isAlone = step.StartsTensor && step.EndsTensor

    if not isAlone && not (isSame sums tensorSum) then
        if step.StartsTensor then
            copyRun sums count tensorSum
        else
            addRun sums count tensorSum

    let finished = if isAlone then sums else tensorSum

    if step.EndsTensor && not (isSame finished result) then
        if step.StartsResult then
            copyRun finished count result
        else
            addRun finished count result

/// The sums of some numbers, one for each step, in the same order: those of a tensor, and then the tensors'.
let sumTotals (steps: Step[]) (totals: float[]) =
    let mutable tensor = 0.0
    let mutable result = 0.0

    for index in 0 .. steps.Length - 1 do
        tensor <- (if steps[index].StartsTensor then 0.0 else tensor) + totals[index]

        if steps[index].EndsTensor then
            result <- result + tensor

    result

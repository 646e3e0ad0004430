namespace MappingNets

type WeightGrouping =
    | Contiguous = 0
    | Hashed = 1

namespace MappingNets.Core

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open TorchSharp
open MappingNets

[<Sealed>]
type FineTuningPlan
    internal
    (
        layout: ParameterLayout,
        selected: ParameterEntry[],
        groups: int,
        groupSize: int64,
        grouping: WeightGrouping,
        key: CounterHash.Key
    ) =

    /// How many selected weights stand before each selected tensor.
    let starts = selected |> Array.map _.Count |> Array.scan (+) 0L
    let selectedCount = starts[selected.Length]

    /// The place in theta of the i-th selected weight.
    let inTheta index =
        let found = Array.BinarySearch(starts, index)
        let tensor = if found >= 0 then found else ~~~found - 1
        selected[tensor].Offset + index - starts[tensor]

    let position (group: int64) (place: int64) =
        match grouping with
        | WeightGrouping.Contiguous ->
            // Group k starts at the floor of k S / K. Since S / K is at least L, it ends before group k + 1 starts. The two
            // parts keep the product within 64 bits.
            let whole, rest = Math.DivRem(selectedCount, int64 groups)

            inTheta (group * whole + group * rest / int64 groups + place)
        | _ ->
            let number = uint64 (group * groupSize + place)
            inTheta (int64 (CounterHash.permute key (uint64 selectedCount) number))

    let table =
        lazy
            (use _ = torch.inference_mode false
             let count = int64 groups * groupSize

             let tensor =
                 torch.empty([| count |], dtype = torch.int64, device = torch.CPU).DetachFromDisposeScope()

             let start = TensorMemory.pointer<int64> tensor

             Parallel.For(
                 0L,
                 int64 groups,
                 fun (group: int64) ->
                     for place in 0L .. groupSize - 1L do
                         NativePtr.write (TensorMemory.at start (group * groupSize + place)) (position group place)
             )
             |> ignore

             tensor)

    let copies = ConcurrentDictionary<string, torch.Tensor>()

    member _.Layout = layout
    member _.Selected = Array.copy selected
    member _.SelectedCount = selectedCount
    member _.Groups = groups
    member _.GroupSize = groupSize
    member _.Grouping = grouping
    member _.Key = key

    member _.Position(group: int, place: int64) =
        if group < 0 || group >= groups then
            raise (ArgumentOutOfRangeException(nameof group, group, $"The group must be from 0 to {groups - 1}."))

        if place < 0L || place >= groupSize then
            raise (
                ArgumentOutOfRangeException(
                    nameof place,
                    place,
                    $"The place within a group must be from 0 to {groupSize - 1L}."
                )
            )

        position (int64 group) place

    member _.Positions(device: torch.Device) =
        if device.``type`` = DeviceType.CPU then
            table.Value
        else
            copies.GetOrAdd(
                device.ToString(),
                fun _ ->
                    use _ = torch.inference_mode false
                    table.Value.``to``(device).DetachFromDisposeScope()
            )

    interface IDisposable with
        member _.Dispose() =
            if table.IsValueCreated then
                table.Value.Dispose()

            for copy in copies.Values do
                copy.Dispose()

module FineTuning =

    let private select (layout: ParameterLayout) (names: string seq) =
        let names = Seq.toArray names

        if names.Length = 0 then
            raise (ArgumentException("No tensor is selected; at least one has to be.", "selected"))

        for name, times in Array.countBy id names do
            if times > 1 then
                raise (ArgumentException($"The tensor '{name}' is selected {times} times.", "selected"))

            if layout.Entries |> Array.forall (fun entry -> entry.Name <> name) then
                raise (
                    ArgumentException(
                        $"The layout has no tensor named '{name}'; it has: {layout.Signature}.",
                        "selected"
                    )
                )

        layout.Entries |> Array.filter (fun entry -> Array.contains entry.Name names)

    let plan layout selected groups groupSize grouping key =
        requireDefined (nameof grouping) "grouping" grouping
        let entries = select layout selected
        let available = entries |> Array.sumBy _.Count

        if groupSize < 1L || groupSize > available then
            raise (
                ArgumentOutOfRangeException(
                    nameof groupSize,
                    groupSize,
                    $"The group size L must be from 1 to the number of selected weights, {available}."
                )
            )

        if groups < 1 || int64 groups > available / groupSize then
            raise (
                ArgumentOutOfRangeException(
                    nameof groups,
                    groups,
                    $"The number of latents K must be from 1 to {available / groupSize}: with L = {groupSize}, the {available} selected weights hold no more groups."
                )
            )

        new FineTuningPlan(layout, entries, groups, groupSize, grouping, key)

    let private eachMember (plan: FineTuningPlan) (latent: torch.Tensor) =
        latent.unsqueeze(1L).expand([| int64 plan.Groups; plan.GroupSize |]).reshape (-1L)

    let spread (plan: FineTuningPlan) (latent: torch.Tensor) =
        TensorChecks.requireVector (nameof latent) (int64 plan.Groups) latent
        use once = 1.0.ToScalar()

        torch
            .zeros([| plan.Layout.Count |], dtype = latent.dtype, device = latent.device)
            .index_add (0L, plan.Positions latent.device, eachMember plan latent, once)

    let gather (plan: FineTuningPlan) (vector: torch.Tensor) =
        TensorChecks.requireVector (nameof vector) plan.Layout.Count vector

        vector.index_select(0L, plan.Positions vector.device).view(int64 plan.Groups, plan.GroupSize).sum (1L)

    let apply (plan: FineTuningPlan) (strength: float) pretrained latent =
        TensorChecks.requireVector (nameof pretrained) plan.Layout.Count pretrained
        TensorChecks.requireVector (nameof latent) (int64 plan.Groups) latent
        TensorChecks.requireSamePlace (nameof pretrained) "The pretrained weights are" pretrained latent

        if not (Single.IsFinite(float32 strength)) then
            raise (
                ArgumentException(
                    $"The strength alpha is {strength}; it must be finite, at most 3.4e38 in size.",
                    nameof strength
                )
            )

        use strength = strength.ToScalar()
        use once = 1.0.ToScalar()
        // One addition for each member of a group, so that no other weight is touched.
        pretrained.index_add (0L, plan.Positions latent.device, eachMember plan (latent * strength), once)

    let onTopOf (mapping: Mapping) pretrained latent =
        TensorChecks.requireVector (nameof pretrained) mapping.Layout.Count pretrained
        TensorChecks.requireSamePlace (nameof pretrained) "The pretrained weights are" pretrained latent
        pretrained + mapping.Generate latent

    let increment layout specification =
        Mapping.createUnchecked
            layout
            { specification with
                Bias = MappingBias.Zero
                Start = ZeroStart }

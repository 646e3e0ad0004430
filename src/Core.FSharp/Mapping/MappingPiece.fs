namespace MappingNets.Core

[<Sealed>]
type MappingPiece
    internal (name: string, firstRow: int64, firstLatent: int64, fixedWeights: FixedWeights, modulation: Modulation) =

    member _.Name = name
    member _.FirstRow = firstRow
    member _.FirstLatent = firstLatent
    member _.Rows = fixedWeights.Rows
    member _.LatentCount = fixedWeights.Columns
    member _.FixedWeights = fixedWeights
    member internal _.Modulation = modulation
    member _.ModulationName = Modulation.describe modulation

    override _.ToString() =
        $"{name}: {fixedWeights.Columns} latents -> {fixedWeights.Rows} weights"

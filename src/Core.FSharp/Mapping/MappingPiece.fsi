namespace MappingNets.Core

/// <summary>The part of a mapping that one latent vector generates: neighbouring rows of theta.</summary>
[<Sealed>]
type MappingPiece =

    internal new:
        name: string * firstRow: int64 * firstLatent: int64 * fixedWeights: FixedWeights * modulation: Modulation ->
            MappingPiece

    /// The layer's name, or "theta" where one latent generates everything.
    member Name: string

    /// The first weight of theta that it generates.
    member FirstRow: int64

    /// The first of its latents within z.
    member FirstLatent: int64

    /// P_piece, how many weights it generates.
    member Rows: int64

    /// d_piece, how many latents it has.
    member LatentCount: int

    /// W, shape (P_piece, d_piece).
    member FixedWeights: FixedWeights

    /// M.
    member internal Modulation: Modulation

    /// M by its name and parameter, such as "additive(0.01)"; "none" where there is none.
    member ModulationName: string

    /// Name, d_piece and P_piece.
    override ToString: unit -> string

namespace MappingNets.Core

/// <summary>How the latent is shared among the layers of the target network.</summary>
type LatentSplit =
    /// SLVT, the paper's "Ours*": one latent vector of d numbers generates the whole target.
    | SingleLatent of count: int
    /// LWT, the paper's "Ours(dagger)": each layer, in the layout's order, has a latent vector and fixed weights of its own.
    | LayerWise of counts: (string * int)[]

/// <summary>Named rules that split a latent budget over layers.</summary>
module LatentSplit =

    /// <summary>
    /// The power rule: every layer gets one latent, and the rest of the budget is shared in proportion to P_l^power, no layer
    /// getting more than P_l in all; what a full layer cannot take goes to the others by the same rule; what rounding
    /// leaves goes to the largest fractions first, and among equal ones to the earlier layer.
    /// Power 0 is an equal split, 1 a proportional one; the independent re-run used 1/4.
    /// </summary>
    /// <param name="power">The exponent, a finite number.</param>
    /// <param name="budget">The total number of latents, from the number of layers to P.</param>
    /// <param name="layout">The target's parameter layout.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The budget or the power is out of range.</exception>
    val byPower: power: float -> budget: int -> layout: ParameterLayout -> LatentSplit

    /// The same, refusing under the name of the caller's argument what does not fit a target of that name.
    val internal byPowerFor:
        argument: string -> owner: string -> power: float -> budget: int -> layout: ParameterLayout -> LatentSplit

    /// <summary>
    /// A split by what the first gradients say: every layer gets one latent, and the rest of the budget is shared in proportion to
    /// sqrt(E_l P_l), the geometric mean of the layer's energy and its weights, with the caps and the rounding of
    /// <see cref="M:MappingNets.Core.LatentSplitModule.byPower(System.Double,System.Int32,MappingNets.Core.ParameterLayout)"/>.
    /// </summary>
    /// <param name="energies">E_l of each layer: the sum of (s_i dL/dtheta_i)^2 over its weights, how fast the loss falls if all of them move. At least 0 and not all 0.</param>
    /// <param name="budget">The total number of latents, from the number of layers to P.</param>
    /// <param name="layout">The parameter layout.</param>
    /// <exception cref="T:System.ArgumentException">There is not one energy for each layer, one is negative or not finite, or all are 0.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The budget is out of range.</exception>
    val byEnergy: energies: float[] -> budget: int -> layout: ParameterLayout -> LatentSplit

    /// The same, refusing a budget under the name of the caller's argument and for a target of that name.
    val internal byEnergyFor:
        argument: string -> owner: string -> energies: float[] -> budget: int -> layout: ParameterLayout -> LatentSplit

    /// <summary>The total number of latents.</summary>
    /// <param name="split">The split.</param>
    val count: split: LatentSplit -> int

    /// <summary>Refuses a split that does not fit the layout.</summary>
    /// <param name="split">The split.</param>
    /// <param name="layout">The target's parameter layout.</param>
    /// <exception cref="T:System.ArgumentException">A layer that is missing, unknown or out of order.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A count below 1 or above the number of weights it generates.</exception>
    val check: split: LatentSplit -> layout: ParameterLayout -> unit

    /// The same, under the name of the caller's argument and for a target of that name.
    val internal checkFor: argument: string -> owner: string -> split: LatentSplit -> layout: ParameterLayout -> unit

namespace MappingNets

/// <summary>Which of the chosen weights form a group, and so move together.</summary>
type WeightGrouping =
    /// Neighbours in theta; the groups are spread evenly over the chosen weights.
    | Contiguous = 0
    /// Weights from anywhere among the chosen ones, drawn by the counter hash's keyed permutation.
    | Hashed = 1

namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>
/// Which weights each latent of a fine-tuning moves: K groups of L selected weights, no weight in two of them. A value but for
/// the table of positions, K L whole numbers in native memory, which is made when it is first needed.
/// </summary>
[<Sealed>]
type FineTuningPlan =

    /// The target's parameter layout.
    member Layout: ParameterLayout

    /// The tensors whose weights may move, in the order of theta.
    member Selected: ParameterEntry[]

    /// S, how many weights these tensors hold.
    member SelectedCount: int64

    /// K, the number of groups: one latent each.
    member Groups: int

    /// L, how many weights each latent moves.
    member GroupSize: int64

    /// Which weights form a group.
    member Grouping: WeightGrouping

    /// The stream of the counter hash that draws hashed groups; contiguous ones do not depend on it.
    member Key: CounterHash.Key

    /// The place in theta of the weight that stands at `place` (0 to L - 1) in the group `group` (0 to K - 1).
    /// Raises ArgumentOutOfRangeException where either is out of range.
    member Position: group: int * place: int64 -> int64

    /// All places in theta, int64 of shape (K L), group after group, on a device. Shared; do not change it.
    member Positions: device: torch.Device -> torch.Tensor

    interface System.IDisposable

/// <summary>
/// Fine-tuning of given weights through few parameters: theta = theta_pretrained + alpha * o[group(i)], where each of the K
/// latents o_k moves the L weights of its group and every other weight stays; and the additive form of the mapping,
/// theta = theta_pretrained + g(z). All functions are pure and can be differentiated any number of times.
/// </summary>
module FineTuning =

    /// <summary>Groups the weights of some tensors.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    /// <param name="selected">The names of the tensors whose weights may move, in any order.</param>
    /// <param name="groups">K, at least 1.</param>
    /// <param name="groupSize">L, at least 1; K L is at most the number of selected weights.</param>
    /// <param name="grouping">Which weights form a group.</param>
    /// <param name="key">The stream that draws hashed groups.</param>
    /// <exception cref="T:System.ArgumentException">No tensor is selected, one is unknown or one is named twice.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">K or L is below 1, or K L is above the number of selected weights; there is no such grouping.</exception>
    val plan:
        layout: ParameterLayout ->
        selected: string seq ->
        groups: int ->
        groupSize: int64 ->
        grouping: WeightGrouping ->
        key: CounterHash.Key ->
            FineTuningPlan

    /// <summary>o[group(i)] for every weight, 0 where it belongs to no group: (K) -> (P), in the precision and on the device of o.</summary>
    /// <param name="plan">The groups.</param>
    /// <param name="latent">o, shape (K), single or double precision.</param>
    /// <exception cref="T:System.ArgumentException">o has another shape or precision.</exception>
    val spread: plan: FineTuningPlan -> latent: torch.Tensor -> torch.Tensor

    /// <summary>The transpose of <see cref="M:MappingNets.Core.FineTuning.spread(MappingNets.Core.FineTuningPlan,TorchSharp.torch.Tensor)"/>: the sum of each group's entries, (P) -> (K).</summary>
    /// <param name="plan">The groups.</param>
    /// <param name="vector">Shape (P), single or double precision.</param>
    /// <exception cref="T:System.ArgumentException">The vector has another shape or precision.</exception>
    val gather: plan: FineTuningPlan -> vector: torch.Tensor -> torch.Tensor

    /// <summary>
    /// theta_pretrained + alpha * o[group(i)], shape (P). Weights that belong to no group keep their bits.
    /// </summary>
    /// <param name="plan">The groups.</param>
    /// <param name="strength">alpha, finite, at most 3.4e38 in size.</param>
    /// <param name="pretrained">theta_pretrained, shape (P), of the precision and on the device of o.</param>
    /// <param name="latent">o, shape (K).</param>
    /// <exception cref="T:System.ArgumentException">A shape or precision disagrees; alpha is not finite.</exception>
    val apply:
        plan: FineTuningPlan -> strength: float -> pretrained: torch.Tensor -> latent: torch.Tensor -> torch.Tensor

    /// <summary>theta_pretrained + g(z), shape (P).</summary>
    /// <param name="mapping">g; one made by
    /// <see cref="M:MappingNets.Core.FineTuning.increment(MappingNets.Core.ParameterLayout,MappingNets.Core.MappingSpecification)"/> starts at no change.</param>
    /// <param name="pretrained">theta_pretrained, shape (P), of the precision and on the device of z.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <exception cref="T:System.ArgumentException">A shape or precision disagrees.</exception>
    val onTopOf: mapping: Mapping -> pretrained: torch.Tensor -> latent: torch.Tensor -> torch.Tensor

    /// <summary>
    /// The mapping of a specification with b = 0 and z_0 = 0, so that g(z_0) = 0: what is added to given weights starts at nothing.
    /// On its own it could not learn, which is why <see cref="M:MappingNets.Core.MappingModule.create(MappingNets.Core.ParameterLayout,MappingNets.Core.MappingSpecification)"/> refuses it.
    /// </summary>
    /// <param name="layout">The target's parameter layout.</param>
    /// <param name="specification">What else defines the mapping; its bias and start are not read.</param>
    /// <exception cref="T:System.ArgumentException">As for any mapping.</exception>
    val increment: layout: ParameterLayout -> specification: MappingSpecification -> Mapping

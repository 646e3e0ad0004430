namespace MappingNets.Core

/// <summary>Builds mappings.</summary>
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Mapping =

    /// <summary>What defines a mapping, to change and build anew.</summary>
    /// <param name="mapping">The mapping.</param>
    val specification: mapping: Mapping -> MappingSpecification

    /// <summary>
    /// The plain specification with d latents: SLVT, signed permutation, seed 0, no modulation, identity, uniform bias,
    /// fan-in scale of gain 1, z_0 = 0.
    /// </summary>
    /// <param name="count">d.</param>
    val singleLatent: count: int -> MappingSpecification

    /// <summary>The plain specification with one latent for each 53 weights of a target, and at least one.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    val defaults: layout: ParameterLayout -> MappingSpecification

    /// <summary>The specification with the scale of every tensor multiplied by a factor.</summary>
    /// <param name="factor">The factor.</param>
    /// <param name="specification">The specification.</param>
    val scaledBy: factor: float -> specification: MappingSpecification -> MappingSpecification

    /// Refuses explicit scales that do not fit, under the name of the caller's argument.
    val internal checkScales: argument: string -> owner: string -> layout: ParameterLayout -> scales: float[] -> unit

    /// <summary>Builds the mapping of a specification for a target's layout; O(P) work.</summary>
    /// <param name="layout">The target's parameter layout.</param>
    /// <param name="specification">What defines the mapping.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The split, a modulation, the number of modulations or the scales do not fit the layout; a gain that is not positive and
    /// finite; a scale or amplitude that is not finite; a start at 0 with a bias of 0, from where the
    /// target cannot learn; an activation or a bias of no kind.
    /// </exception>
    val create: layout: ParameterLayout -> specification: MappingSpecification -> Mapping

    /// The same without the check that the start can learn by itself, for what is added to given weights.
    val internal createUnchecked: layout: ParameterLayout -> specification: MappingSpecification -> Mapping
